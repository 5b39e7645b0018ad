"""What the kernel offers to lock a program up: namespaces, mounts, a private root, capabilities.

Thin calls, standard library only, because the fork server imports this file into its small interpreter; `landlock` and
`seccomp` beside it are the other two. Nothing here decides which layers are used (`zygote` does) or speaks to the
judge. Every function raises OSError when the kernel refuses. The numbers come from the kernel's headers and are the
same on every Linux.
"""

from __future__ import annotations

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)

NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NETWORK = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38


def check(result: int, what: str) -> int:
    """The result of a C call; OSError with the kernel's reason when it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    check(libc.unshare(flags), "unshare")


def set_process_option(option: int, value: int) -> None:
    check(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability of the calling process (it must be single-threaded)."""
    header = struct.pack("Ii", 0x20080522, 0)
    nothing = bytes(24)
    check(libc.capset(header, nothing), "capset")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    check(result, f"mount {target}")


def make_mounts_private() -> None:
    mount("none", "/", "none", MS_REC | MS_PRIVATE)


def bind_read_only(source: str, target: str, *, devices: bool = False) -> None:
    """Show `source` at `target`, read-only. A device file is shown as it is: read-only would not change its effect."""
    mount(source, target, "none", MS_BIND | MS_REC)
    if not devices:
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
        mount("none", target, "none", flags | _locked_flags(target))


def _locked_flags(path: str) -> int:
    """Mount flags that a user namespace may not take away, so that a remount must repeat them."""
    present = os.statvfs(path).f_flag
    same = present & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME)
    return same | (1 << 21 if present & os.ST_RELATIME else 0)


def change_root(folder: str) -> None:
    """Make the mount at `folder` the root and forget the old one."""
    os.chdir(folder)
    os.mkdir("old", 0o700)
    check(libc.pivot_root(b".", b"old"), "pivot_root")
    os.chdir("/")
    check(libc.umount2(b"/old", MNT_DETACH), "umount /old")
    os.rmdir("/old")
