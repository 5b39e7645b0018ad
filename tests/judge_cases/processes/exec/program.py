import os

command = ["frontier-escape", "-c", "echo executed; sleep 60"]
for start in (
    lambda: os.posix_spawn("/bin/sh", command, {}),
    lambda: os.spawnv(os.P_NOWAIT, "/bin/sh", command),
    lambda: __import__("subprocess").Popen(command, executable="/bin/sh"),
    lambda: os.popen("echo executed").read(),
    lambda: os.execv("/bin/sh", command),
    lambda: os.execve(0, command, {}),
):
    try:
        start()
        print("started")
    except (OSError, ImportError, NameError):
        pass
