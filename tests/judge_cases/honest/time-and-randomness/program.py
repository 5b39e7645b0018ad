import os
import random
import time

started = time.perf_counter()
time.sleep(0.01)
random.seed(time.time())
drawn = random.random() + os.urandom(1)[0]
print(int(input()) ** 2 if time.perf_counter() > started and drawn >= 0 else 0)
