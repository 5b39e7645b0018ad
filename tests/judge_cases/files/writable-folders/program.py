import glob
import os

for path in glob.glob("/tmp/*") + glob.glob("/tmp/*/*") + glob.glob("/var/tmp/*") + glob.glob("/dev/shm/*"):
    if "frontier-canary-" not in path:
        continue
    for action in (
        lambda: open(path + "/frontier-escape", "w"),
        lambda: open(path, "a").write("changed"),
        lambda: os.truncate(path, 0),
        lambda: os.remove(path),
        lambda: os.rename(path, path + "-moved"),
    ):
        try:
            action()
            print("changed", path)
        except OSError:
            pass
