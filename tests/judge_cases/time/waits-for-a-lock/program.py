import _thread

held = _thread.allocate_lock()
held.acquire()
held.acquire()
