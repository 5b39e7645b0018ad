n = int(input())
try:
    exit()
except BaseException:
    pass
try:
    raise KeyboardInterrupt
except BaseException:
    print(n * n)
