import os

try:
    import fcntl
    import mmap
except ImportError:  # where no file may be opened
    fcntl = mmap = None

for action in (
    lambda: os.ftruncate(0, 0),
    lambda: os.truncate("/proc/self/fd/0", 0),
    lambda: os.write(0, b"4"),
    lambda: os.pwrite(0, b"4", 0),
    lambda: mmap.mmap(0, 2).__setitem__(0, 52),
    lambda: os.fchmod(0, 0o777),
    lambda: os.open("/proc/self/fd/0", os.O_RDWR),
    lambda: fcntl.fcntl(0, 1033, 1),
    lambda: os.posix_fallocate(0, 0, 100),
):
    try:
        action()
    except (OSError, ValueError, TypeError, AttributeError):
        pass
os.lseek(0, 0, os.SEEK_END)
os.lseek(0, 0, os.SEEK_SET)
print(int(input()) ** 2)
