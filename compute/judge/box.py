"""The one folder of a sandbox that files can be put into: sources to compile, what a validator reads and writes.

Filled before a run and emptied after it by the fork server, which alone may write there, apart from compilers and from
a validator's feedback folder. Standard library only; imported by the fork server.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

FEEDBACK = "feedback"


class Box:
    """The folder at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.feedback = os.path.join(path, FEEDBACK)

    def prepare(self) -> None:
        """Make the feedback folder, which stays: Landlock's rules hold for this very folder."""
        os.mkdir(self.feedback, 0o755)

    def fill(self, files: Mapping[str, int], *, builds: bool, feedback: bool) -> None:
        """Copy the open `files` in under their names. `builds`: whoever runs may make files of any name; `feedback`:
        files in the feedback folder."""
        for name, descriptor in files.items():
            self._copy(descriptor, os.path.join(self.path, name))
        os.chmod(self.path, 0o777 if builds else 0o755)
        os.chmod(self.feedback, 0o777 if feedback else 0o755)

    def _copy(self, descriptor: int, target: str) -> None:
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            size, done = os.fstat(descriptor).st_size, 0
            while done < size:
                done += os.sendfile(made, descriptor, done, size - done)
        finally:
            os.close(made)

    def collect(self, name: str) -> int:
        """A copy, as a memory file, of a regular file that a run left; it is empty if there is none."""
        copy = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            made = os.open(os.path.join(self.path, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return copy
        try:
            size, done = os.fstat(made).st_size, 0
            while done < size and (sent := os.sendfile(copy, made, done, size - done)):
                done += sent
        finally:
            os.close(made)
        return copy

    def empty(self) -> None:
        for folder in (self.path, self.feedback):
            for entry in list(os.scandir(folder)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                elif entry.path != self.feedback:
                    shutil.rmtree(entry.path, ignore_errors=True)
