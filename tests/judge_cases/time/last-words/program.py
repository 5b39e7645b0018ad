import atexit

atexit.register(lambda: [0 for _ in iter(int, 1)])
print(int(input()) ** 2, flush=True)
