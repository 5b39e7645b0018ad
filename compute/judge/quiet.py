"""Whether a run can be believed on this host: who else is running, and how to run alone.

The judges of a host, each a process with workers of its own, share a lock file: whoever runs programs holds it shared,
whoever repeats a run near its limit holds it alone. Nobody waits for ever: a judge that hangs must not stop the others.
Load that comes from elsewhere cannot be kept away; it is measured.
"""

import contextlib
import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 120.0


def load_per_core() -> float:
    """Processes that ran or wanted to run, averaged over the last minute, for each core."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


class QuietLock:
    """The host-wide lock of the judges of one user. Each call opens the files anew, so that threads exclude each other.

    Whoever wants to be alone first closes the door: new runs wait until it is through.
    """

    def __init__(self, folder: Path | None = None, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._folder = folder or Path(tempfile.gettempdir())
        self._patience_seconds = patience_seconds
        self._gave_up = False  # whoever made one wait in vain is not waited for again until the lock is free

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
        """Where the file cannot be had, in somebody else's way say, there is no lock."""
        path = self._folder / f"frontier-judge-{os.getuid()}.{name}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            found = os.fstat(descriptor)
            if found.st_uid != os.getuid() or found.st_mode & 0o077:
                os.close(descriptor)
                raise PermissionError(f"{path} belongs to somebody else")
        except OSError as error:
            log.warning("Judges of this host cannot wait for each other: %s", error)
            yield
            return
        try:
            self._wait_for(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _wait_for(self, descriptor: int, kind: int) -> None:
        """Take the lock, or go on without it when patience ends."""
        gives_up, pause = time.monotonic() + self._patience_seconds, 0.0005
        if self._gave_up:
            gives_up = time.monotonic() + 2 * pause
        while time.monotonic() < gives_up:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                self._gave_up = False
                return
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
        self._gave_up = True
