import os

started = 0
for _ in range(300):
    if os.fork() == 0:
        for _ in range(300):
            os.fork()
        os._exit(0)
    started += 1
print("processes:", started)
