import os

places = ["/tmp", "/var/tmp", "/dev/shm", "/dev", "/dev/mqueue", "/run", "/", ".", "..", "/empty", "/sys", "/usr/lib"]
places += [os.path.dirname(os.__file__), os.path.expanduser("~"), "/root", "/proc/self/cwd"]
for place in places:
    path = place + "/frontier-escape"
    for action in (
        lambda: open(path, "w").write("x"),
        lambda: os.mkdir(path + "-folder"),
        lambda: os.symlink("/etc/passwd", path + "-link"),
        lambda: os.link("/etc/passwd", path + "-hard"),
        lambda: os.mkfifo(path + "-pipe"),
        lambda: os.mknod(path + "-node", 0o600 | 0o10000),
        lambda: os.open(place, os.O_TMPFILE | os.O_RDWR),
        lambda: os.rename(os.__file__, path + "-moved"),
        lambda: os.chmod(place, 0o777),
        lambda: os.utime(place),
        lambda: os.setxattr(place, "user.x", b"x"),
    ):
        try:
            action()
            print("wrote in", place)
        except (OSError, ValueError):
            pass
