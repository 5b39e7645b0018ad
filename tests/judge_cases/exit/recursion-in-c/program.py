import sys

sys.setrecursionlimit(10**9)
nested = None
for _ in range(400_000):
    nested = (nested,)
print(repr(nested)[:10])
