import ctypes

call = ctypes.CDLL(None, use_errno=True).syscall
if call(240, b"frontier-escape", 0o102, 0o666, 0) >= 0:
    print("a queue")
import _posixshmem

try:
    _posixshmem.shm_open("/frontier-escape", 0o102, 0o666)
    print("shared memory")
except OSError:
    pass
