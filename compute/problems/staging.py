"""Blobs that are not yet part of a store: kept apart until all is well, then moved in together, or thrown away.

A staging folder lies in the file system of its store, so that moving in copies nothing. Whoever holds one keeps it
locked; one that nobody holds was left by a killed process, and the next import beside it removes it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from compute.problems.problem import BlobStore

_PREFIX = ".import-"
_YOUNG_SECONDS = 60.0  # may be held by somebody who has not locked it yet


@contextmanager
def staged_blobs(store: BlobStore, *, elsewhere: bool = False) -> Iterator[BlobStore]:
    """An empty store that is gone afterwards with everything not moved into `store` by `move_in`.

    `elsewhere`: in the system's folder for temporary files, for what will never be moved in.
    """
    if elsewhere:
        with tempfile.TemporaryDirectory(prefix="frontier-import-") as temporary:
            yield BlobStore(Path(temporary))
        return
    place = nearest_folder(store.root)
    remove_abandoned(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield BlobStore(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def move_in(staged: BlobStore, store: BlobStore, wanted: Iterable[str]) -> list[Path]:
    """Move blobs by their sha256, and leave those that `store` has. Returns what became new there, files and folders.

    Takes back what it moved when the system refuses one. Raises OSError, or MissingInput for one that is not staged.
    """
    added: list[Path] = []
    try:
        added += make_folders(store.root)
        for sha256 in wanted:
            target = store.path(sha256)
            if not target.exists():
                added += make_folders(target.parent)
                if not staged.path(sha256).exists():
                    staged.get(sha256)
                os.replace(staged.path(sha256), target)
                added.append(target)
    except BaseException:
        take_back(added)
        raise
    return added


def make_folders(folder: Path) -> list[Path]:
    """Make `folder` and what is missing above it. Returns those it made, outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def take_back(added: Iterable[Path]) -> None:
    """Remove files and the folders that are empty then, in the opposite order."""
    for path in reversed(list(added)):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink(missing_ok=True)


def nearest_folder(path: Path) -> Path:
    """`path`, or the closest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def remove_abandoned(place: Path) -> None:
    """Remove the staging folders in `place` that nobody holds."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(lock).st_mtime > _YOUNG_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # somebody holds it
        finally:
            os.close(lock)
