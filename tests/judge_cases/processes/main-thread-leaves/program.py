import ctypes
import threading
import time

threading.Thread(target=time.sleep, args=(60,)).start()
time.sleep(0.05)
ctypes.CDLL(None).syscall(60, 0)
