import ctypes

mark = "".join(("can", "ary-")).encode()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for size in (100, 5000, 100_000, 10_000_000):
    for _ in range(200 if size < 1_000_000 else 1):
        text = ctypes.string_at(libc.malloc(size), size)
        found = text.find(mark)
        if found >= 0:
            print(text[found : found + 60])
