import os

for number in range(3, 5000):
    try:
        os.fstat(number)
    except OSError:
        continue
    print("open:", number)
    for look in (lambda n: os.pread(n, 4096, 0), lambda n: os.read(n, 4096), os.listdir, lambda n: os.write(n, b"x")):
        try:
            print(look(number))
        except OSError:
            pass
