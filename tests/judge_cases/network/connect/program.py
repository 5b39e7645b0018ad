import socket

for action in (
    lambda: socket.create_connection(("127.0.0.1", 80), 1),
    lambda: socket.getaddrinfo("example.org", 80),
    lambda: socket.gethostbyname("localhost") and socket.create_connection(("localhost", 22), 1),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("255.255.255.255", 9)),
    lambda: socket.create_connection(("::1", 80), 1),
):
    try:
        action()
        print("connected")
    except OSError:
        pass
try:
    tries = [socket.socket() for _ in range(100)]
except OSError:
    raise SystemExit from None
for port in range(1, 65536):
    if socket.socket().connect_ex(("127.0.0.1", port)) == 0:
        print("connected to", port)
