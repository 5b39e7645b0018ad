import ctypes

call = ctypes.CDLL(None, use_errno=True).syscall
for number, arguments in ((57, ()), (56, (17, 0, 0, 0, 0)), (56, (0x20000011, 0, 0, 0, 0)), (435, (0, 0))):
    pid = call(number, *arguments)
    if pid == 0:
        call(231, 0)
    if pid > 0:
        print("a process by call", number)
