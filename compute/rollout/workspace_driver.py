"""Runs one command in a workspace, inside the sandbox: files and command come in on standard input, files go out.

What the command writes to standard output and error goes straight to this process's standard output, under the
sandbox's limits. Standard library only; started by `compute.rollout.tool_rooms` as text.
"""

import base64
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress

FOLDER, RESULT = "workspace", "workspace.json"
PROCESSES = 24  # memory is limited for each


def main() -> None:
    order = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    os.mkdir("bin")
    for name in ("python", "python3"):
        with open(f"bin/{name}", "w") as file:
            file.write(f'#!/bin/sh\nexec {order["python"]} "$@"\n')
        os.chmod(f"bin/{name}", 0o755)
    os.mkdir(FOLDER)
    for path, data in order["files"].items():
        os.makedirs(os.path.dirname(f"{FOLDER}/{path}"), exist_ok=True)
        with open(f"{FOLDER}/{path}", "wb") as file:
            file.write(base64.b64decode(data))
    status, timed_out = run(order["command"], order["seconds"])
    files, left_out = collected(order["most_files"], order["most_bytes"])
    with open(RESULT, "w") as file:
        json.dump({"status": status, "timed_out": timed_out, "files": files, "left_out": left_out}, file)


def run(command: str, seconds: float) -> tuple[int, bool]:
    environment = os.environ | {"PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}", "HOME": f"{os.getcwd()}/{FOLDER}"}
    shell = subprocess.Popen(
        ["/bin/bash", "-c", command],
        cwd=FOLDER,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return shell.wait(seconds), False
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL, True
    finally:
        with suppress(OSError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


def collected(most_files: int, most_bytes: int) -> tuple[dict[str, str], int]:
    """Regular files by path, small ones first in each folder, and how many did not fit."""
    files: dict[str, str] = {}
    total = left_out = 0
    for folder, _, names in os.walk(FOLDER):
        found = [os.path.join(folder, name) for name in names]
        regular = [path for path in found if os.path.isfile(path) and not os.path.islink(path)]
        for path in sorted(regular, key=lambda path: (os.path.getsize(path), path)):
            size = os.path.getsize(path)
            if len(files) >= most_files or total + size > most_bytes:
                left_out += 1
                continue
            with open(path, "rb") as file:
                files[os.path.relpath(path, FOLDER)] = base64.b64encode(file.read(size)).decode()
            total += size
    return files, left_out


if __name__ == "__main__":
    main()
