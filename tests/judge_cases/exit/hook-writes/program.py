import atexit

atexit.register(lambda: print(int(input()) ** 2))
