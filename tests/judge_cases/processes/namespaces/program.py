import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000, 0x80):
    if libc.unshare(flag) == 0:
        print("a namespace", hex(flag))
if libc.mount(b"tmpfs", b"/", b"tmpfs", 0, b"") == 0:
    print("mounted")
for number, arguments in ((428, (-100, b"/", 0)), (430, (b"tmpfs", 0)), (155, (b".", b".")), (161, (b".",)), (308, (0, 0))):
    if libc.syscall(number, *arguments) >= 0:
        print("call", number)
