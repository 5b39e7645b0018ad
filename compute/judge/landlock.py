"""Landlock: which files a process and its children may still reach, whoever they are (Linux 5.13 or newer).

Standard library only; imported by the fork server. Every function raises OSError when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from compute.judge.isolation import PR_SET_NO_NEW_PRIVS, check, libc, set_process_option

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_OF_BOX = _OF_FILES | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15}  # number of file rights known to an ABI version; 16 from version 5


def version() -> int:
    """The kernel's Landlock ABI version, 0 when it has none."""
    return max(0, libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1)))


class Rules:
    """A set of rules in the making; nothing is reachable that no rule allows.

    From ABI 4 on TCP is forbidden as well, from 6 on signals and abstract sockets that leave the domain.
    """

    def __init__(self) -> None:
        found = version()
        if not found:
            raise OSError(0, "the kernel has no Landlock")
        self._known = (1 << _KNOWN.get(found, 16)) - 1
        attributes = struct.pack("QQQ", self._known, 3, 3)[: 8 if found < 4 else 16 if found < 6 else 24]
        size = ctypes.c_size_t(len(attributes))
        self._rules = check(libc.syscall(_CREATE, attributes, size, ctypes.c_uint(0)), "landlock")

    def readable(self, paths: Iterable[str], *, executable: bool = False) -> None:
        for path in paths:
            self._allow(path, _READ_FILE | _READ_DIR | (_EXECUTE if executable else 0))

    def writable_file(self, path: str) -> None:
        self._allow(path, _READ_FILE | _WRITE_FILE)

    def writable_folder(self, path: str) -> None:
        """Regular files and folders below `path` may be made, changed, started and removed."""
        self._allow(path, _OF_BOX)

    def _allow(self, path: str, rights: int) -> None:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights &= self._known if os.path.isdir(path) else self._known & _OF_FILES
            rule = struct.pack("=Qi", rights, descriptor)
            call = libc.syscall(_ADD_RULE, ctypes.c_int(self._rules), ctypes.c_int(1), rule, ctypes.c_uint(0))
            check(call, f"landlock {path}")
        finally:
            os.close(descriptor)

    def apply(self) -> None:
        """Restrict the calling process and its children to come, for good."""
        set_process_option(PR_SET_NO_NEW_PRIVS, 1)
        check(libc.syscall(_RESTRICT, ctypes.c_int(self._rules), ctypes.c_uint(0)), "landlock_restrict_self")

    def close(self) -> None:
        os.close(self._rules)
