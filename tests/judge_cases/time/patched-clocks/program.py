import time

for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime"):
    setattr(time, name, lambda *_: 0.0)
time.sleep = lambda seconds: None
while True:
    time.sleep(1)
