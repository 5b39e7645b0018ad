import os
import signal

for action in (
    lambda: signal.raise_signal(signal.SIGSTOP),
    lambda: os.kill(os.getpid(), signal.SIGTSTP),
    lambda: os.killpg(0, signal.SIGSTOP),
    lambda: __import__("threading").get_ident() and signal.pthread_kill(__import__("threading").get_ident(), 19),
):
    try:
        action()
        print("went on")
    except (OSError, ImportError):
        pass
