import _socket

for family in range(46):
    for kind in (1, 2, 3, 5, 10):
        for protocol in (0, 1, 6, 17):
            try:
                _socket.socket(family, kind, protocol)
                print("a socket", family, kind, protocol)
            except OSError:
                pass
try:
    _socket.socketpair()
    print("a pair")
except OSError:
    pass
