"""What surrounds the judge while it runs hostile programs, and the signs that one of them got out.

`Surroundings` lays out secrets (each begins with "canary-", so that a program can look for them), ears on the loopback
device, a folder everybody may write to and a process that anybody could signal; `signs()` says what has changed since.
Programs of the suite call whatever they write "frontier-escape". Judges nothing and runs no program.
"""

import contextlib
import ctypes
import os
import resource
import secrets
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Self

import psutil

MARK = "frontier-escape"
SHARED_KEY = 0x46524F4E  # of the System V objects that programs try to make
_PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock", ".", "~")
_ROOM_SECONDS = 5.0
_OPEN_FILES = 300
_libc = ctypes.CDLL(None, use_errno=True)


class Surroundings:
    """Use in a `with` statement, and start judges inside: they must inherit the secrets to be able to leak them."""

    def __init__(self) -> None:
        names = ("environment", "file", "descriptor", "shared memory", "answer", "earlier source", "earlier input")
        self.canaries = {name: f"canary-{secrets.token_hex(16)}" for name in names}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._hide_secrets()
            self._open_ears()
            self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="frontier-canary-")))
            self.folder.chmod(0o777)
            (self.folder / "kept.txt").write_text(self.canaries["file"])
            self._bystander = subprocess.Popen(["sleep", "900"], start_new_session=True)
            self._stack.callback(self._end_bystander)
            self._stack = self._stack.pop_all()
        self._before = self._state()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _hide_secrets(self) -> None:
        os.environ["FRONTIER_CANARY"] = self.canaries["environment"]
        self._stack.callback(os.environ.pop, "FRONTIER_CANARY", None)
        for folder in (Path(tempfile.gettempdir()), Path.home()):
            with contextlib.suppress(OSError):
                path = folder / f"frontier-canary-{secrets.token_hex(4)}.txt"
                path.write_text(self.canaries["file"])
                self._stack.callback(path.unlink, missing_ok=True)
                path.chmod(0o644)
        descriptor = os.memfd_create("canary")
        os.write(descriptor, self.canaries["descriptor"].encode())
        # So many that what the judge opens later has numbers beyond those that a program may open.
        for copy in [descriptor, *(os.dup(descriptor) for _ in range(_OPEN_FILES))]:
            self._stack.callback(os.close, copy)
            os.set_inheritable(copy, True)
        self._share_memory(self.canaries["shared memory"].encode())

    def _share_memory(self, text: bytes) -> None:
        """A System V segment that every user may read, where the kernel has such."""
        segment = _libc.shmget(0, 4096, 0o1666)
        if segment < 0:
            return
        self._stack.callback(_libc.shmctl, segment, 0, None)
        _libc.shmat.restype = ctypes.c_void_p
        address = _libc.shmat(segment, None, 0)
        ctypes.memmove(address, text, len(text))
        _libc.shmdt(ctypes.c_void_p(address))

    def _open_ears(self) -> None:
        self._ears: list[socket.socket] = []
        path = Path(tempfile.mkdtemp(prefix="frontier-canary-ear-")) / "ear"
        self._stack.callback(path.parent.rmdir)
        self._stack.callback(path.unlink, missing_ok=True)
        path.parent.chmod(0o755)
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, str(path)),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0frontier-canary-{os.getpid()}"),
        ):
            ear = self._stack.enter_context(socket.socket(family, kind))
            ear.bind(address)
            if kind == socket.SOCK_STREAM:
                ear.listen()
            self._ears.append(ear)
        path.chmod(0o777)

    def _end_bystander(self) -> None:
        self._bystander.send_signal(signal.SIGCONT)
        self._bystander.kill()
        self._bystander.wait()

    # Signs --------------------------------------------------------------------------------------------------------

    def signs(self, outputs: Iterable[bytes] = ()) -> list[str]:
        """What a program has left, touched or found out, given what it wrote; empty when nothing."""
        seen = b"\n".join(outputs)
        found = [f"canary of the {name} in its output" for name, text in self.canaries.items() if text.encode() in seen]
        found += [f"{place} was {before!r}, is {now!r}" for place, before, now in self._changes()]
        ready, _, _ = select.select(self._ears, [], [], 0)
        for ear in ready:
            found.append(f"it reached {ear.getsockname()!r}")
            if ear.type == socket.SOCK_STREAM:
                ear.accept()[0].close()
            else:
                ear.recv(1 << 16)
        return found

    def _changes(self) -> Iterator[tuple[str, object, object]]:
        now = self._state()
        for place, before in self._before.items():
            if now[place] != before:
                yield place, before, now[place]
        self._before = now

    def _state(self) -> dict[str, object]:
        process = psutil.Process(self._bystander.pid)
        stopped = process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE)
        return {
            "files": _marked_files(),
            "the canary folder": {path.name: path.read_bytes() for path in self.folder.iterdir()},
            "System V objects": _marked_objects(),
            "processes": _marked_processes(),
            "a bystander": (stopped, process.nice(), process.rlimit(psutil.RLIMIT_NOFILE)),
            "the judge's limits": [resource.getrlimit(kind) for kind in range(16)],
        }


def _marked_files() -> list[str]:
    found = []
    for place in _PLACES:
        with contextlib.suppress(OSError):
            found += [f"{place}/{name}" for name in os.listdir(Path(place).expanduser()) if MARK in name]
    return sorted(found)


def _marked_objects() -> list[str]:
    """Which kinds of System V object have an entry under `SHARED_KEY`, and how many."""
    found = []
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
            found += [kind for line in lines if int(line.split()[0]) == SHARED_KEY]
    return found


def _marked_processes() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if MARK.encode() in _read(f"/proc/{name}/cmdline").split(b"\0"):
                    found.append(int(name))
    return found


def _read(path: str) -> bytes:
    """The beginning of a small file, without a file object: that takes most of the time of reading one of /proc."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)


def inhabitants(pids: Iterable[int]) -> set[int]:
    """The processes of some sandboxes, given those at their tops."""
    children: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                parent = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1]
                children[int(parent)].append(int(name))
    found, waiting = set(), list(pids)
    while waiting:
        found.add(pid := waiting.pop())
        waiting += children[pid]
    return found


def newcomers(pids: Collection[int], before: set[int]) -> set[int]:
    """Processes in the sandboxes that were not there `before` and are still there after some patience."""
    deadline = time.monotonic() + _ROOM_SECONDS
    while (left := inhabitants(pids) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left
