import os
import sys

print(dict(os.environ), sys.argv, sys.orig_argv, sys.path, sys.flags)
try:
    import ctypes
except ImportError:
    raise SystemExit from None
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
for name in (b"FRONTIER_CANARY", b"HOME", b"PATH", b"SECRET_KEY"):
    print(libc.getenv(name))
place = ctypes.c_void_p.in_dll(libc, "environ").value
if place:
    first = ctypes.cast(place, ctypes.POINTER(ctypes.c_void_p))[0]
    if first:
        print(ctypes.string_at(first, 2000))
