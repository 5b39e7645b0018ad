import os

for path in ("/etc/shadow", "/root", "/tmp", "/proc/1/cwd", "/proc/self/cwd", "/proc/self/fd/3"):
    try:
        print(path, os.stat(path).st_size, os.readlink(path))
    except OSError:
        pass
print(os.getcwd())
