import mmap

kept = []
for _ in range(300):
    kept.append(mmap.mmap(-1, 1 << 20))
    kept[-1].write(b"x" * (1 << 20))
print("three hundred megabytes")
