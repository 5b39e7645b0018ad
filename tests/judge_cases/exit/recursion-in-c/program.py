import sys

sys.setrecursionlimit(10**9)
nested = None
for _ in range(1_200_000):
    nested = (nested,)
print(hash(nested))
