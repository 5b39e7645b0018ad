import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.5)
        open("/tmp/frontier-escape-daemon", "w").write("still here")
        time.sleep(60)
    os._exit(0)
print("a daemon")
