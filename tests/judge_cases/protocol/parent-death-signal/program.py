import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for option, value in ((1, 0), (4, 1), (36, 1), (8, 1), (24, 0), (28, 0), (59, 0), (0x59616D61, 0xFFFFFFFF)):
    if libc.prctl(option, value, 0, 0, 0) == 0:
        print("option", option)
if libc.syscall(317, 1, 0, b"\x01\x00" + bytes(14)) == 0:
    print("a filter of its own")
