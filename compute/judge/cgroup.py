"""A control group for each sandbox, where this process may make one: memory is then capped by the kernel at once.

The verdict rests on peak resident size wherever it is judged; the cap only keeps a program that takes far more than its
limit from taking it from its neighbours. Needs a cgroup v2 hierarchy with the memory controller, writable by this
process (a systemd user session, a container with delegation, or FRONTIER_JUDGE_CGROUP naming such a folder); elsewhere
`find_parent` says why there is none and the judge goes without.
"""

import contextlib
import itertools
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

MOUNT = Path("/sys/fs/cgroup")
SPARE_BYTES = 64 << 20  # for the fork server beside the program
_numbers = itertools.count()


class Parent(NamedTuple):
    """The folder in which groups can be made, None where there is none for `reason`."""

    folder: Path | None
    reason: str


def find_parent(mount: Path = MOUNT, membership: Path = Path("/proc/self/cgroup")) -> Parent:
    """Where a group with a memory limit can be made. Tries the named folder, this process's own, and the one above."""
    if named := os.environ.get("FRONTIER_JUDGE_CGROUP"):
        return _usable(Path(named))
    if not (mount / "cgroup.controllers").exists():
        return Parent(None, "no cgroup v2 hierarchy is mounted")
    try:
        lines = membership.read_text().splitlines()
    except OSError as error:
        return Parent(None, f"{membership} cannot be read: {error.strerror}")
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if own is None:
        return Parent(None, "this process is in no cgroup v2")
    folder = mount / own.lstrip("/")
    candidates = [folder] if folder == mount else [folder, folder.parent]
    answers = [_usable(candidate) for candidate in candidates]
    return next((answer for answer in answers if answer.folder), answers[0])


def _usable(folder: Path) -> Parent:
    """Whether the folder hands the memory controller down to groups that can be made in it."""
    control = folder / "cgroup.subtree_control"
    try:
        if "memory" not in control.read_text().split():
            if "memory" not in (folder / "cgroup.controllers").read_text().split():
                return Parent(None, f"{folder} has no memory controller")
            control.write_text("+memory")
        probe = folder / f"frontier-probe-{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return Parent(None, f"{folder} is not ours to divide: {error.strerror}")
    return Parent(folder, "")


@cache
def parent_here() -> Parent:
    return find_parent()


class Cgroup:
    """One group, with one fork server and its runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._limit = 0
        self._kills = 0

    @classmethod
    def holding(cls, pid: int, parent: Parent | None = None) -> Self | None:
        """A new group with the process `pid` in it, None where groups cannot be made or the process has ended."""
        found = parent or parent_here()
        if found.folder is None:
            return None
        group = cls(found.folder / f"frontier-judge-{os.getpid()}-{next(_numbers)}")
        try:
            group._folder.mkdir()
            (group._folder / "cgroup.procs").write_text(str(pid))
            with contextlib.suppress(FileNotFoundError):  # there is none where swap is not accounted
                (group._folder / "memory.swap.max").write_text("0")
        except OSError:
            group.remove()
            return None
        return group

    def limit(self, memory_bytes: int) -> None:
        """Cap the program at `memory_bytes` from now on."""
        if memory_bytes != self._limit:
            (self._folder / "memory.max").write_text(str(memory_bytes + SPARE_BYTES))
            self._limit = memory_bytes

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed a process here for its memory since this was asked last."""
        events = dict(line.split() for line in (self._folder / "memory.events").read_text().splitlines())
        before, self._kills = self._kills, int(events.get("oom_kill", 0))
        return self._kills > before

    def remove(self) -> None:
        """Give the group up; its processes have ended. One that is still ending keeps it until the machine restarts."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()
