import ctypes

libc = ctypes.CDLL(None, use_errno=True)
key = 0x46524F4E
for name, arguments in (("shmget", (key, 4096, 0o1666)), ("semget", (key, 1, 0o1666)), ("msgget", (key, 0o1666))):
    if getattr(libc, name)(*arguments) >= 0:
        print("made by", name)
libc.shmat.restype = ctypes.c_void_p
for number in range(2000):
    place = libc.shmat(number, None, 0o10000)
    if place and place != ctypes.c_void_p(-1).value:
        print("segment", number, ctypes.string_at(place, 100))
