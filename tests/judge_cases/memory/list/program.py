kept = []
for _ in range(300):
    kept.append(bytearray(1 << 20))
