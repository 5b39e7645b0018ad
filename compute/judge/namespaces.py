"""A world of its own for the fork server: private mounts, network, IPC, host name and processes, on a read-only root.

Standard library only; imported by the fork server. Nothing here knows programs or limits.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from compute.judge import isolation

USERS = range(61_000, 65_000)
MOUNT_POINT = "/sys"  # exists everywhere, and no interpreter lives below it
BOX = "/box"
_ROOT_OPTIONS = "size=1m,nr_inodes=4096,mode=755"


class World(NamedTuple):
    """`folders` are shown read-only. `box_bytes`: size of the one folder that files can be put into; 0 for none."""

    folders: Sequence[str]
    box_bytes: int = 0


def system_folders() -> list[str]:
    """Where shared libraries and time zones lie."""
    found = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"]
    return [folder for folder in found if os.path.isdir(folder)]


def library_folders() -> list[str]:
    """What the running interpreter reads: the standard library, the shared libraries beside it and the system's."""
    own = [os.path.join(prefix, sys.platlibdir) for prefix in (sys.base_prefix, sys.base_exec_prefix)]
    return outermost([*system_folders(), *own, os.path.dirname(os.__file__), *sys.path])


def outermost(folders: Sequence[str]) -> list[str]:
    """Those of `folders` that exist and do not lie in another of them."""
    found = list(dict.fromkeys(os.path.abspath(folder) for folder in folders if folder and os.path.isdir(folder)))
    return [folder for folder in found if not any(_is_below(folder, other) for other in found if other != folder)]


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def package_folders(folders: Sequence[str]) -> list[str]:
    """Installed packages below `folders`: programs see the standard library alone."""
    patterns = [f"{middle}{kind}-packages" for middle in ("", "python*/", "*/python*/") for kind in ("site", "dist")]
    found = {str(path) for folder in folders for pattern in patterns for path in Path(folder).glob(pattern)}
    return sorted(path for path in found if os.path.isdir(path) and not os.path.islink(path))


def without_packages(folders: Sequence[str]) -> list[str]:
    """The same files and folders without installed packages, for rules that can only add."""
    hidden = package_folders(folders)
    shown: list[str] = []
    for folder in folders:
        shown += _parts_without(folder, [path for path in hidden if _is_below(path, folder)])
    return shown


def _parts_without(folder: str, hidden: Sequence[str]) -> list[str]:
    if folder in hidden:
        return []
    if not hidden:
        return [folder]
    entries = sorted(entry.path for entry in os.scandir(folder))
    return [
        part for entry in entries for part in _parts_without(entry, [path for path in hidden if _is_below(path, entry)])
    ]


def enter(world: World, keep: tuple[int, ...], *, users: bool) -> None:
    """Become process 1 of a world that holds the read-only folders, three devices and nothing else.

    The calling process stays behind, waits for its successor and dies with it; the descriptors `keep` are the
    successor's alone. `users`: in a user namespace as well, which needs no rights.
    """
    flags = isolation.NEW_MOUNTS | isolation.NEW_NETWORK | isolation.NEW_IPC | isolation.NEW_HOST_NAME
    user, group = os.getuid(), os.getgid()
    isolation.unshare(flags | isolation.NEW_PIDS | (isolation.NEW_USERS if users else 0))
    if users:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{USERS[0]} {user} 1")
        _write("/proc/self/gid_map", f"{USERS[0]} {group} 1")
    _build_root(world)
    successor = os.fork()
    if successor:
        for descriptor in keep:
            os.close(descriptor)
        os.waitpid(successor, 0)
        os._exit(0)
    isolation.set_process_option(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)


def _build_root(world: World) -> None:
    isolation.make_mounts_private()
    isolation.mount("tmpfs", MOUNT_POINT, "tmpfs", isolation.MS_NOSUID, _ROOT_OPTIONS)
    for folder in world.folders:
        target = MOUNT_POINT + folder
        os.makedirs(target, mode=0o755, exist_ok=True)
        isolation.bind_read_only(folder, target)
    for folder in package_folders(world.folders):
        flags = isolation.MS_RDONLY | isolation.MS_NOSUID | isolation.MS_NODEV
        isolation.mount("tmpfs", MOUNT_POINT + folder, "tmpfs", flags, "size=4k,mode=755")
    for name in ("dev", "empty"):
        os.mkdir(f"{MOUNT_POINT}/{name}", 0o755)
    for name in ("null", "zero", "urandom"):
        _write(f"{MOUNT_POINT}/dev/{name}", "")
        isolation.bind_read_only(f"/dev/{name}", f"{MOUNT_POINT}/dev/{name}", devices=True)
    if world.box_bytes:
        os.mkdir(MOUNT_POINT + BOX, 0o755)
        flags = isolation.MS_NOSUID | isolation.MS_NODEV
        isolation.mount("tmpfs", MOUNT_POINT + BOX, "tmpfs", flags, f"size={world.box_bytes},nr_inodes=8192,mode=755")
    isolation.change_root(MOUNT_POINT)
    flags = isolation.MS_REMOUNT | isolation.MS_RDONLY | isolation.MS_NOSUID
    isolation.mount("tmpfs", "/", "tmpfs", flags, _ROOT_OPTIONS)
    os.chdir("/empty")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def counts_processes_by_namespace() -> bool:
    """Since Linux 5.14 a limit on processes set inside a user namespace counts those of that namespace alone."""
    release = [int(part) for part in re.findall(r"\d+", os.uname().release)[:2]]
    return release >= [5, 14]


def sweep() -> None:
    """Kill and reap whatever is left in this process namespace."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
