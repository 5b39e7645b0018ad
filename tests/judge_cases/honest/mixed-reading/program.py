import sys

first = input()
second = sys.stdin.readline().strip()
third = next(iter(sys.stdin)).strip()
rest = sys.stdin.read().split()
print(first, second, third, *rest)
