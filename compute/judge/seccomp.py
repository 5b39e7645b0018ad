"""seccomp: which system calls are there at all.

Two filters, because attaching one costs by its length and every run attaches one: the fork server limits itself to a
list once, and a program then gives up the calls of that list which only the fork server needs. Whatever is refused
answers ENOSYS, to which libc falls back gracefully (clone3, statx, rseq). Standard library only; imported by the fork
server. Names map to (x86-64, arm64), None where the machine has no such call.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Mapping, Sequence

from compute.judge.isolation import PR_SET_SECCOMP, check, libc

Numbers = Mapping[str, "tuple[int | None, int | None]"]

SYSTEM_CALLS: Numbers = {
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
OPEN_CALLS: Numbers = {
    "open": (2, None), "openat": (257, 56), "getdents64": (217, 61),
}  # fmt: skip
SERVER_CALLS: Numbers = {
    "sendmsg": (46, 211), "recvmsg": (47, 212), "fork": (57, None), "vfork": (58, None), "wait4": (61, 260),
    "kill": (62, 129), "setsid": (112, 157), "setresuid": (117, 147), "setresgid": (119, 149), "prctl": (157, 167),
    "memfd_create": (319, 279), "pidfd_open": (434, 434), "close_range": (436, 436),
}  # fmt: skip
# For programs that start from a file of their own.
EXEC_CALLS: Numbers = {"arch_prctl": (158, None), "fadvise64": (221, 223)}
# What the fork server needs to fill and empty the folder of such a program's files.
BOX_CALLS: Numbers = {
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chdir": (80, 49), "sendfile": (40, 71),
    "landlock_restrict_self": (446, 446),
}  # fmt: skip
# What compilers and shells do besides.
BUILD_CALLS: Numbers = {
    "execve": (59, 221),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "creat": (85, None), "truncate": (76, 45),
    "umask": (95, 166), "waitid": (247, 95), "utimensat": (280, 88), "flock": (73, 32), "statfs": (137, 43),
    "fstatfs": (138, 44), "fallocate": (285, 47), "copy_file_range": (326, 285), "fchdir": (81, 50),
    "getxattr": (191, 8), "lgetxattr": (192, 9), "listxattr": (194, 11), "llistxattr": (195, 12),
    "setpgid": (109, 154), "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36),
}  # fmt: skip
Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE, _FCNTL, _IOCTL, _PRLIMIT, _TGKILL = (56, 220), (72, 25), (16, 29), (302, 261), (234, 131)
_EXECVEAT, _EMPTY_PATH = (322, 281), 0x1000
_MADVISE, _MREMAP = (28, 233), (25, 216)
_ADVICE_THAT_HIDES = (4, 8, 9, 20, 21, 24)  # DONTNEED, FREE, REMOVE, COLD, PAGEOUT, DONTNEED_LOCKED
_CPU_LIMIT = 0
_ABORT = 6
_CLONE_THREAD = 0x10000
# Duplicating and reading or setting flags; not the commands that direct signals at other processes.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030, 1032, 1034)
# Is it a terminal, its size, bytes waiting, blocking, close-on-exec.
_IOCTL_COMMANDS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)

_LOAD, _EQUAL, _BITS, _AT_LEAST, _RETURN, _JUMP = 0x20, 0x15, 0x45, 0x35, 0x06, 0x05
_ALLOW, _NOT_IMPLEMENTED, _TRY_AGAIN, _KILL = 0x7FFF0000, 0x50000 | 38, 0x50000 | 11, 0x80000000
_NUMBER, _MACHINE, _X32 = 0, 4, 0x40000000
_MODE_FILTER = 2


def _argument(index: int) -> int:
    return 16 + 8 * index


def for_server(*, files: bool, executes: bool = False, builds: bool = False, aborts: bool = False) -> bytes:
    """What the fork server and its children may ever do: compute, read, write, sleep, start threads, and serve.

    No socket, no namespace, no tracing; without `files` nothing can be opened at all (for a machine where nothing else
    hides the files), without `executes` no other program started, without `builds` no child of a child. `aborts`: the
    one signal that a program may send, for where it can only reach itself. Raises OSError on a machine whose calls are
    not listed.
    """
    column, audit = _machine()
    code: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    calls = {**SYSTEM_CALLS, **SERVER_CALLS, "clone": _CLONE}
    for wanted, more in ((files, OPEN_CALLS), (executes, {**EXEC_CALLS, **BOX_CALLS}), (builds, BUILD_CALLS)):
        calls |= more if wanted else {}
    code += _answered(_numbers(calls, column), _ALLOW)
    code += _only_with(_FCNTL[column], 1, _FCNTL_COMMANDS)
    code += _only_with(_IOCTL[column], 1, _IOCTL_COMMANDS)
    code += _only_with(_PRLIMIT[column], 0, (0,))
    if executes:  # an open file, not a name
        code += _only_with(_EXECVEAT[column], 4, (_EMPTY_PATH,))
    if aborts:
        code += _only_with(_TGKILL[column], 2, (_ABORT,))
    code.append((_RETURN, 0, 0, _NOT_IMPLEMENTED))
    return _assemble(code)


def for_programs(*, executes: bool = False) -> bytes:
    """What a program loses on top: new processes, signals to anybody, messages, memory files, other users, and
    (`executes`: where there is one) the making and removing of files.

    Also what would falsify the account of a run: a CPU limit of its own, whose signal looks as if it came from outside,
    and keeping shared memory while giving up the pages that are counted.
    """
    column, _ = _machine()
    code: list[Instruction] = [(_LOAD, 0, 0, _NUMBER)]
    code += _answered(_numbers({**SERVER_CALLS, **(BOX_CALLS if executes else {})}, column), _NOT_IMPLEMENTED)
    code += [
        (_EQUAL, 0, 4, _CLONE[column]), (_LOAD, 0, 0, _argument(0)), (_BITS, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _TRY_AGAIN),
    ]  # fmt: skip
    code += _without(_MADVISE[column], 2, _ADVICE_THAT_HIDES)
    code += _without_zero(_MREMAP[column], 1)
    code += _without(_PRLIMIT[column], 1, (_CPU_LIMIT,))
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


def _numbers(calls: Numbers, column: int) -> list[int]:
    return [number for pair in calls.values() if (number := pair[column]) is not None]


def _answered(numbers: Sequence[int], answer: int) -> list[Instruction]:
    """Give `answer` for these calls; go on otherwise."""
    checks = [(_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    return [*checks, (_JUMP, 0, 0, 1), (_RETURN, 0, 0, answer)]


def _only_with(call: int, argument: int, values: Sequence[int]) -> list[Instruction]:
    """Allow `call` when its argument (low 32 bits) is one of `values`."""
    checks = [(_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    body = [(_LOAD, 0, 0, _argument(argument)), *checks, (_RETURN, 0, 0, _NOT_IMPLEMENTED), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), call), *body]


def _without(call: int, argument: int, values: Sequence[int]) -> list[Instruction]:
    """Refuse `call` when its argument (low 32 bits) is one of `values`; go on otherwise."""
    checks = [(_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    body = [(_LOAD, 0, 0, _argument(argument)), *checks, (_JUMP, 0, 0, 1), (_RETURN, 0, 0, _NOT_IMPLEMENTED)]
    return [(_EQUAL, 0, len(body) + 1, call), *body, (_LOAD, 0, 0, _NUMBER)]


def _without_zero(call: int, argument: int) -> list[Instruction]:
    """Refuse `call` when its argument (all 64 bits) is zero; go on otherwise."""
    low = _argument(argument)
    body = [
        (_LOAD, 0, 0, low), (_EQUAL, 0, 3, 0), (_LOAD, 0, 0, low + 4), (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _NOT_IMPLEMENTED),
    ]  # fmt: skip
    return [(_EQUAL, 0, len(body) + 1, call), *body, (_LOAD, 0, 0, _NUMBER)]


class Filter:
    """A filter kept ready in memory, so that applying it in a fresh child is one call."""

    def __init__(self, program: bytes) -> None:
        self._program = ctypes.create_string_buffer(program, len(program))
        self._header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(self._program))
        self._call = libc["prctl"]  # an object of its own, whose arguments are prepared here and not in every child
        self._arguments = (
            ctypes.c_int(PR_SET_SECCOMP),
            ctypes.c_ulong(_MODE_FILTER),
            ctypes.c_char_p(self._header),
        )

    def apply(self) -> None:
        """Restrict the calling process for good. It must have given up new privileges before."""
        check(self._call(*self._arguments), "seccomp")
