import os
import signal

wrong = [n for n in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGALRM) if signal.getsignal(n) != signal.SIG_DFL]
wrong += list(signal.pthread_sigmask(signal.SIG_BLOCK, []))
for number in range(3, 100):
    try:
        os.fstat(number)
        wrong.append(number)
    except OSError:
        pass
print("ok" if not wrong else wrong)
