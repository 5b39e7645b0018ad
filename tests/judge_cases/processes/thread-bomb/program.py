import _thread

held = _thread.allocate_lock()
held.acquire()
_thread.stack_size(32768)
for _ in range(3000):
    _thread.start_new_thread(held.acquire, ())
print("three thousand threads")
