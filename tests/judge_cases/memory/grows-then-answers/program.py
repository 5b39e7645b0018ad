n = int(input())
kept = []
try:
    while True:
        kept.append(b"x" * (1 << 20) + bytes(str(len(kept)), "ascii"))
        if len(kept) > 300:
            break
except MemoryError:
    kept.clear()
    raise
print(n * n)
