import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(0, 0, 0, 0) == 0:
    print("traced")
for pid in (1, os.getppid(), *range(2, 200)):
    if libc.ptrace(16, pid, 0, 0) == 0 or libc.ptrace(0x4206, pid, 0, 0) == 0:
        print("attached to", pid)
    for number in (310, 311, 312):
        if libc.syscall(number, pid, 0, 0, 0, 0, 0) >= 0:
            print("call", number, "for", pid)
