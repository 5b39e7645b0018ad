"""The judge's side of a `box` where no private root holds it: a folder that never outlives its judge for long."""

import contextlib
import os
import shutil
import tempfile
import time
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

_PREFIX = "frontier-box-"
_YOUNG_SECONDS = 60


class BoxFolder:
    """A folder of our own for files, locked while it is in use, so that one whose judge was killed can be told."""

    def __init__(self) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(left)
        self.path = tempfile.mkdtemp(prefix=_PREFIX)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        flock(self._lock, LOCK_EX)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_if_left(folder: Path) -> None:
    """Remove another judge's folder unless it is locked, or so young that its lock may be on its way."""
    with contextlib.suppress(OSError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            flock(lock, LOCK_EX | LOCK_NB)
            if time.time() - os.fstat(lock).st_mtime > _YOUNG_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
