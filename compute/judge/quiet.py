"""Whether a run can be believed on this host: who else is running, and how to run alone.

The judges of a host, each a process with workers of its own, share a lock file: whoever runs programs holds it shared,
whoever repeats a run near its limit holds it alone. Load that comes from elsewhere cannot be kept away; it is measured.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def load_per_core() -> float:
    """Processes that ran or wanted to run, averaged over the last minute, for each core."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


class QuietLock:
    """The host-wide lock of the judges of one user. Each call opens the files anew, so that threads exclude each other.

    Whoever wants to be alone first closes the door: new runs wait until it is through.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir())

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """While programs run."""
        with self._open("door", fcntl.LOCK_SH):
            pass
        with self._open("room", fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else of this user's judges runs a program."""
        with self._open("door", fcntl.LOCK_EX), self._open("room", fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _open(self, name: str, kind: int) -> Iterator[None]:
        path = self._folder / f"frontier-judge-{os.getuid()}.{name}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)
