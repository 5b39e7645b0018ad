import os

for action in (
    lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setreuid(0, 0), lambda: os.setresuid(0, 0, 0),
    lambda: os.setresgid(0, 0, 0), lambda: os.setgroups([0]), lambda: os.setuid(1000), lambda: os.initgroups("root", 0),
):
    try:
        action()
        print("changed")
    except OSError:
        pass
try:
    import ctypes
except ImportError:
    raise SystemExit from None
libc = ctypes.CDLL(None)
if libc.capset(b"\x22\x05\x08\x20" + bytes(4), b"\xff" * 24) == 0:
    print("has every capability")
if libc.prctl(23, 21, 0, 0, 0) == 1 and libc.prctl(38, 1, 0, 0, 0) == -2:
    print("privileged")
