"""What the kernel offers to lock a program up: namespaces, a private root, Landlock, seccomp and capabilities.

Thin calls, standard library only, because the fork server imports this file into its small interpreter. Nothing here
decides which layers are used (`zygote` does) or speaks to the judge. Every function raises OSError when the kernel
refuses. The numbers come from the kernel's headers and are the same on every Linux, except those of `SYSTEM_CALLS`.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable, Sequence

_libc = ctypes.CDLL(None, use_errno=True)

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
SECCOMP_MODE_FILTER = 2


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def set_process_option(option: int, value: int) -> None:
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability of the calling process (it must be single-threaded)."""
    header = struct.pack("Ii", 0x20080522, 0)
    nothing = bytes(24)
    _check(_libc.capset(header, nothing), "capset")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _check(result, f"mount {target}")


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
    _check(_libc.pivot_root(b".", b"old"), "pivot_root")
    os.chdir("/")
    _check(_libc.umount2(b"/old", MNT_DETACH), "umount /old")
    os.rmdir("/old")


# Landlock -------------------------------------------------------------------------------------------------------------

_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights known to an ABI version; 16 from version 5


def landlock_version() -> int:
    """The kernel's Landlock ABI version, 0 when it has none."""
    return max(0, _libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1)))


def landlock(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process and its children only `readable` folders and files, and `writable` device files.

    From ABI 4 on TCP is forbidden as well, from 6 on signals and abstract sockets that leave the domain.
    """
    version = landlock_version()
    if not version:
        raise OSError(0, "the kernel has no Landlock")
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    attributes = struct.pack("QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _check(_libc.syscall(444, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)), "landlock")
    try:
        for path in readable:
            _allow_below(ruleset, path, _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0))
        for path in writable:
            _allow_below(ruleset, path, _READ_FILE | _WRITE_FILE)
        set_process_option(PR_SET_NO_NEW_PRIVS, 1)
        _check(_libc.syscall(446, ctypes.c_int(ruleset), ctypes.c_uint(0)), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow_below(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, descriptor)
        _check(_libc.syscall(445, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0)), f"landlock {path}")
    finally:
        os.close(descriptor)


# seccomp --------------------------------------------------------------------------------------------------------------
# Two filters, because attaching one costs by its length and every run attaches one: the fork server limits itself to a
# list once, and a program then gives up the few calls of that list which only the fork server needs. Whatever is
# refused answers ENOSYS, to which libc falls back gracefully (clone3, statx, rseq). Names map to (x86-64, arm64), None
# where the machine has no such call.

SYSTEM_CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "poll": (7, None), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "pwrite64": (18, 68),
    "readv": (19, 65), "writev": (20, 66), "pipe": (22, None), "select": (23, None), "sched_yield": (24, 124),
    "mremap": (25, 216), "mincore": (27, 232), "madvise": (28, 233), "dup": (32, 23), "dup2": (33, None),
    "pause": (34, None), "nanosleep": (35, 101), "getitimer": (36, 102), "alarm": (37, None), "setitimer": (38, 103),
    "getpid": (39, 172), "exit": (60, 93), "uname": (63, 160), "fsync": (74, 82), "fdatasync": (75, 83),
    "ftruncate": (77, 46), "getcwd": (79, 17), "gettimeofday": (96, 169), "getrlimit": (97, 163),
    "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176),
    "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173), "getpgrp": (111, None),
    "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150), "getpgid": (121, 155),
    "getsid": (124, 156), "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "sched_getparam": (143, 121), "sched_getscheduler": (145, 120), "gettid": (186, 178),
    "time": (201, None), "futex": (202, 98), "sched_getaffinity": (204, 123), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "epoll_wait": (232, None), "epoll_ctl": (233, 21),
    "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
    "epoll_pwait": (281, 22), "eventfd2": (290, 19), "epoll_create1": (291, 20), "dup3": (292, 24),
    "pipe2": (293, 59), "preadv": (295, 69), "pwritev": (296, 70), "getcpu": (309, 168), "getrandom": (318, 278),
    "membarrier": (324, 283), "rseq": (334, 293), "stat": (4, None), "lstat": (6, None), "access": (21, None),
    "readlink": (89, None), "newfstatat": (262, 79), "readlinkat": (267, 78), "faccessat": (269, 48),
    "statx": (332, 291), "faccessat2": (439, 439),
}  # fmt: skip
OPEN_CALLS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "openat": (257, 56), "getdents64": (217, 61),
}  # fmt: skip
SERVER_CALLS: dict[str, tuple[int | None, int | None]] = {
    "sendmsg": (46, 211), "recvmsg": (47, 212), "fork": (57, None), "vfork": (58, None), "wait4": (61, 260),
    "kill": (62, 129), "setsid": (112, 157), "setresuid": (117, 147), "setresgid": (119, 149), "prctl": (157, 167),
    "memfd_create": (319, 279), "pidfd_open": (434, 434), "close_range": (436, 436),
}  # fmt: skip
Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE, _FCNTL, _IOCTL, _PRLIMIT = (56, 220), (72, 25), (16, 29), (302, 261)
_CLONE_THREAD = 0x10000
# Duplicating and reading or setting flags; not the commands that direct signals at other processes.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030, 1032, 1034)
# Is it a terminal, its size, bytes waiting, blocking, close-on-exec.
_IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)

_LOAD, _EQUAL, _BITS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _NOT_IMPLEMENTED, _TRY_AGAIN, _KILL = 0x7FFF0000, 0x50000 | 38, 0x50000 | 11, 0x80000000
_NUMBER, _MACHINE, _X32 = 0, 4, 0x40000000


def _argument(index: int) -> int:
    return 16 + 8 * index


def filter_for_server(*, files: bool) -> bytes:
    """What the fork server and its children may ever do: compute, read, write, sleep, start threads, and serve.

    No exec, no socket, no namespace, no tracing; without `files` nothing can be opened at all (for a machine where
    nothing else hides the files). Raises OSError on a machine whose calls are not listed.
    """
    column, audit = _machine()
    code: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    calls = SYSTEM_CALLS | SERVER_CALLS | {"clone": _CLONE} | (OPEN_CALLS if files else {})
    for number in _numbers(calls, column):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    code += _only_with(_FCNTL[column], 1, _FCNTL_COMMANDS)
    code += _only_with(_IOCTL[column], 1, _IOCTL_COMMANDS)
    code += _only_with(_PRLIMIT[column], 0, (0,))
    code.append((_RETURN, 0, 0, _NOT_IMPLEMENTED))
    return _assemble(code)


def filter_for_programs() -> bytes:
    """What a program loses on top: new processes, signals to anybody, messages, memory files, other users."""
    column, _ = _machine()
    code: list[Instruction] = [(_LOAD, 0, 0, _NUMBER)]
    for number in _numbers(SERVER_CALLS, column):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOT_IMPLEMENTED)]
    code += [
        (_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, _argument(0)), (_BITS, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _TRY_AGAIN),
    ]  # fmt: skip
    code.append((_RETURN, 0, 0, _ALLOW))
    return _assemble(code)


def _machine() -> tuple[int, int]:
    """The column of the call tables and the kernel's name for this machine."""
    name = platform.machine()
    if name not in _MACHINES:
        raise OSError(0, f"no list of system calls for {name}")
    return _MACHINES[name]


def _assemble(code: Sequence[Instruction]) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _numbers(calls: dict[str, tuple[int | None, int | None]], column: int) -> list[int]:
    return [number for pair in calls.values() if (number := pair[column]) is not None]


def _only_with(call: int, argument: int, values: Sequence[int]) -> list[Instruction]:
    """Allow `call` when its argument (low 32 bits) is one of `values`."""
    checks = [(_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    body = [(_LOAD, 0, 0, _argument(argument)), *checks, (_RETURN, 0, 0, _NOT_IMPLEMENTED), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), call), *body]


class SystemCallFilter:
    """A filter kept ready in memory, so that applying it in a fresh child is one call."""

    def __init__(self, program: bytes) -> None:
        self._program = ctypes.create_string_buffer(program, len(program))
        self._header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(self._program))
        self._call = _libc["prctl"]  # an object of its own, whose arguments are prepared here and not in every child
        self._arguments = (
            ctypes.c_int(PR_SET_SECCOMP),
            ctypes.c_ulong(SECCOMP_MODE_FILTER),
            ctypes.c_char_p(self._header),
        )

    def apply(self) -> None:
        """Restrict the calling process for good. It must have given up new privileges before."""
        _check(self._call(*self._arguments), "seccomp")
