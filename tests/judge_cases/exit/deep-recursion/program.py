import sys

sys.setrecursionlimit(100_000)


def deeper(n):
    return deeper(n + 1) + 1


print(deeper(0))
