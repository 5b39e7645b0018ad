import os

print(int(input()) ** 2, flush=True)
os.abort()
