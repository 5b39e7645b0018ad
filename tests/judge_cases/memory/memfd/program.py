import os

kept = []
for number in range(40):
    kept.append(os.memfd_create(f"more{number}"))
    for _ in range(100):
        os.write(kept[-1], b"x" * (1 << 20))
print("four gigabytes")
