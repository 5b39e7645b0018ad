import threading
import time


def rest():
    while True:
        time.sleep(0.001)


for _ in range(4):
    threading.Thread(target=rest, daemon=True).start()
print(int(input()) ** 2)
