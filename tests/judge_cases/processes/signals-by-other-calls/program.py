import ctypes
import fcntl
import os

call = ctypes.CDLL(None, use_errno=True).syscall
for pid in (1, os.getpid(), os.getppid(), -1):
    for number, arguments in (
        (62, (pid, 0)), (200, (pid, 0)), (234, (pid, pid, 0)), (129, (pid, 18, bytes(128))),
        (297, (pid, pid, 18, bytes(128))), (434, (pid, 0)), (424, (0, 0, 0, 0)),
    ):
        if call(number, *arguments) >= 0:
            print("call", number, "for", pid)
    for descriptor in (0, 1, 2):
        for command in (fcntl.F_SETOWN, 15, fcntl.F_SETSIG):
            try:
                fcntl.fcntl(descriptor, command, pid)
                print("fcntl", command)
            except (OSError, ValueError):
                pass
