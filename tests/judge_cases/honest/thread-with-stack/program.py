import sys
import threading

sys.setrecursionlimit(10**6)
threading.stack_size(1 << 27)


def depth(n):
    return 1 + depth(n - 1) if n else 0


def main():
    print(depth(int(input())))


thread = threading.Thread(target=main)
thread.start()
thread.join()
