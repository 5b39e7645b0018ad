import sys

n = input()
try:
    input()
    ended = False
except EOFError:
    ended = True
print(n, ended, sys.stdin.read() == "" and sys.stdin.readline() == "")
