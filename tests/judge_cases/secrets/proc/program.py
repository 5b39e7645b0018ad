import os

for pid in ("self", "1", os.getppid(), "thread-self"):
    for name in ("environ", "cmdline", "maps", "mem", "status", "mountinfo", "root", "cwd", "fd", "exe"):
        path = f"/proc/{pid}/{name}"
        for look in (lambda p: open(p, "rb").read(4096), os.listdir):
            try:
                print(path, look(path))
            except OSError:
                pass
for path in ("/proc/mounts", "/proc/net/tcp", "/proc/net/unix", "/proc/sysvipc/shm", "/proc/kcore", "/proc/version"):
    try:
        print(open(path, "rb").read(4096))
    except OSError:
        pass
