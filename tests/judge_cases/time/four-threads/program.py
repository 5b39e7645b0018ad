import hashlib
import threading


def work():
    block = bytes(1 << 22)
    while True:
        hashlib.sha256(block)


for _ in range(3):
    threading.Thread(target=work).start()
work()
