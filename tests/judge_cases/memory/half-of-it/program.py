block = bytearray(64 << 20)
block[::4096] = b"x" * len(block[::4096])
print(int(input()), len(block))
