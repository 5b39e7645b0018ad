import signal

for number in range(1, 65):
    for handler in (signal.SIG_IGN, lambda *_: None):
        try:
            signal.signal(number, handler)
        except (OSError, ValueError):
            pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass
