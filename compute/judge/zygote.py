"""The fork server inside the sandbox: a small interpreter that locks itself up once, then forks a child for every run.

Started by `sandbox` as a fresh process (`START`), never as a fork of the judge, so that the judge's memory, files and
environment are not here. It never holds an answer, an output or a source text: the child reads its own source, outputs
go to memory files that this process only passes on, and CPU time and peak memory come from the kernel.

Standard library only. It compares nothing and knows no verdicts.
"""

import array
import atexit
import contextlib
import gc
import importlib
import json
import marshal
import math
import mmap
import os
import re
import resource
import select
import signal
import site
import socket
import struct
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

from compute.judge import isolation

START = "import sys; sys.path.insert(0, sys.argv[1]); from compute.judge.zygote import main; main()"
LAYERS = ("root-namespaces", "user-namespaces", "landlock", "seccomp", "none")
PROGRAM_NAME = "program.py"
MAX_TESTS = 32  # in one request: each takes the judge three files, of which a process often may have only 1024

# What most contest programs import. Each makes every fork dearer, so what few import stays out; so does threading,
# whose fork hook costs a quarter of a millisecond.
MODULES = "array bisect cmath collections copy functools heapq io itertools math operator random re string typing"
# Where no file may be opened, a program has only what was loaded before.
MORE_MODULES = (
    " abc base64 binascii calendar codecs concurrent.futures contextlib dataclasses datetime decimal difflib "
    "encodings.ascii encodings.latin_1 enum fractions graphlib hashlib inspect json numbers pprint queue reprlib "
    "secrets statistics struct textwrap threading time traceback types unittest weakref zlib"
)

COMPILE_SECONDS = 10.0
FORK_SECONDS = 20.0
STACK_BYTES = 256 << 20
OPEN_FILES = 256  # more than a request needs
THREADS = 64
USERS = range(61_000, 65_000)
MOUNT_POINT = "/sys"  # exists everywhere, and no interpreter lives below it
SETTING_UP, COMPILING, RUNNING = 0, 1, 2
_CODE = 3  # file descriptor of the compiled program in the child, until the program begins
_PHASE = struct.Struct("=dI")  # CPU seconds when the program began, phase


def main() -> None:
    """Lock this process up as the arguments ask, report how, then serve until the judge goes away."""
    _, folder, descriptor, judge_pid, layer = sys.argv
    sys.path.remove(folder)
    control = socket.socket(fileno=int(descriptor))
    try:
        judge = os.pidfd_open(int(judge_pid))
        if os.getppid() != int(judge_pid):
            os._exit(0)
        _become_like_a_cold_interpreter()
        zygote = Zygote(control, judge, layer)
    except OSError as error:
        control.sendmsg([json.dumps({"error": f"{layer}: {error}"}).encode()])
        os._exit(1)
    control.sendmsg([json.dumps({"isolation": zygote.isolation}).encode()])
    zygote.serve()


class Zygote:
    """This process, locked up. `isolation` names what holds, strongest first."""

    def __init__(self, control: socket.socket, judge: int, layer: str) -> None:
        """Raises OSError when the kernel refuses a part of `layer`."""
        self._control, self._judge = control, judge
        self._in_namespaces = layer in ("root-namespaces", "user-namespaces")
        self._user = USERS[os.getpid() % len(USERS)] if layer == "root-namespaces" else None
        _load_modules(MODULES + (MORE_MODULES if layer == "seccomp" else ""))
        self._own_bytes = _address_space_bytes()
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._filter: isolation.SystemCallFilter | None = None
        self.isolation = "+".join(self._lock_up(layer))
        _forget_own_modules()

    def _lock_up(self, layer: str) -> list[str]:
        folders = library_folders()
        held = [layer]
        if self._in_namespaces:
            _enter_namespaces(folders, (self._control.fileno(), self._judge), users=layer == "user-namespaces")
            if self._user:
                os.setgroups([])
            else:
                isolation.drop_capabilities()
        isolation.set_process_option(isolation.PR_SET_NO_NEW_PRIVS, 1)
        isolation.set_process_option(isolation.PR_SET_DUMPABLE, 0)
        self._limit_resources()
        if layer == "landlock" or (self._in_namespaces and isolation.landlock_version()):
            isolation.landlock(folders, ["/dev/null"])
            held.append("landlock")
        if layer != "none":
            isolation.SystemCallFilter(isolation.filter_for_server(files=layer != "seccomp")).apply()
            self._filter = isolation.SystemCallFilter(isolation.filter_for_programs())
            held.append("seccomp")
        return [*dict.fromkeys(held), "rlimits"]

    def _limit_resources(self) -> None:
        """The limits that are the same for every run; children inherit them.

        No RLIMIT_CPU: it has a grain of a second, and while it is set the kernel refreshes the CPU clock that `_watch`
        reads only at timer ticks, 4 ms apart.
        """
        lower_limit(resource.RLIMIT_CORE, 0)
        lower_limit(resource.RLIMIT_STACK, STACK_BYTES)
        lower_limit(resource.RLIMIT_NOFILE, OPEN_FILES)
        if self._user or (self._in_namespaces and _counts_processes_by_namespace()):
            # Counted by user; elsewhere the user's own processes would count. Without fork these are threads.
            lower_limit(resource.RLIMIT_NPROC, THREADS)

    # Serving ------------------------------------------------------------------------------------------------------

    def serve(self) -> NoReturn:
        """Answer requests one after the other. A request: limits and files (source, then one input a test); the answer:
        one record a test and two files each (standard output, standard error)."""
        while self._somebody_asks():
            message, ancillary, _, _ = self._control.recvmsg(1 << 16, socket.CMSG_SPACE((MAX_TESTS + 1) * 4))
            if not message:
                break
            files = array.array("i")
            for _, _, data in ancillary:
                files.frombytes(data)
            limits = json.loads(message)
            files.insert(1, os.memfd_create("code"))
            records, outputs = [], array.array("i")
            for stdin in files[2:]:
                stdout, stderr = os.memfd_create("stdout"), os.memfd_create("stderr")
                outputs.extend((stdout, stderr))
                records.append(self._run(limits, (files[0], files[1]), (stdin, stdout, stderr)))
                if records[-1]["phase"] != RUNNING:
                    break
            answer = json.dumps({"runs": records}).encode()
            self._control.sendmsg([answer], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, outputs)])
            for descriptor in (*files, *outputs):
                os.close(descriptor)
        os._exit(0)

    def _somebody_asks(self) -> bool:
        """Wait for a request. False when the judge died: its end of the socket may live on in a process it forked."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._judge, select.POLLIN)
        return all(descriptor != self._judge for descriptor, _ in poll.poll())

    def _run(self, limits: dict[str, Any], program: tuple[int, int], streams: tuple[int, int, int]) -> dict[str, Any]:
        _PHASE.pack_into(self._page, 0, 0.0, SETTING_UP)
        started = time.monotonic()
        pid = _fork()
        if pid == 0:
            self._become_the_program(limits, program, streams)
        killed = self._watch(pid, limits, started)
        _, status, usage = os.wait4(pid, 0)
        if self._in_namespaces:
            _sweep()
        began, phase = _PHASE.unpack_from(self._page, 0)
        return {
            "phase": phase,
            "status": status,
            "killed": killed,
            "cpu_seconds": max(0.0, usage.ru_utime + usage.ru_stime - began),
            "wall_seconds": time.monotonic() - started,
            "memory_bytes": usage.ru_maxrss << 10,
            "waits": usage.ru_nvcsw,
        }

    def _watch(self, pid: int, limits: dict[str, Any], started: float) -> str:
        """Wait for the child's end. Kills it when its CPU clock or the wall clock runs out, and says which ("cpu",
        "wall", ""); leaves with it when the judge is gone."""
        clock = (~pid << 3) | 2  # the kernel's name for the CPU clock of another process
        child = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(child, select.POLLIN)
        poll.register(self._judge, select.POLLIN)
        poll.register(self._control, 0)
        try:
            while True:
                left = self._time_left(clock, limits, started)
                if left and min(left.values()) <= 0:
                    os.kill(pid, signal.SIGKILL)
                    return min(left, key=lambda which: left[which])
                ready = poll.poll(math.ceil(min(left.values()) * 1000) if left else None)
                if any(descriptor != child for descriptor, _ in ready):
                    os.kill(pid, signal.SIGKILL)
                    os._exit(0)
                if ready:
                    return ""
        finally:
            os.close(child)

    def _time_left(self, clock: int, limits: dict[str, Any], started: float) -> dict[str, float]:
        """Seconds until a limit could be reached; empty when the child has already ended."""
        began, phase = _PHASE.unpack_from(self._page, 0)
        try:
            spent = time.clock_gettime(clock)
        except OSError:
            return {}
        if phase == RUNNING:
            return {
                "cpu": began + limits["cpu_seconds"] - spent,
                "wall": started + limits["wall_seconds"] - time.monotonic(),
            }
        if spent > COMPILE_SECONDS:
            return {"cpu": 0.0}
        # A program that has not begun yet cannot reach its limit sooner than this; look again then.
        return {"cpu": max(limits["cpu_seconds"], 0.001), "wall": started + 10 * COMPILE_SECONDS - time.monotonic()}

    # The child ----------------------------------------------------------------------------------------------------

    def _become_the_program(
        self, limits: dict[str, Any], program: tuple[int, int], streams: tuple[int, int, int]
    ) -> NoReturn:
        """In the child: give up everything, compile, run, leave as a cold interpreter would."""
        try:
            os.setsid()
            text = os.pread(program[0], limits["source_bytes"], 0)
            for number, descriptor in enumerate((*streams, program[1])):
                os.dup2(descriptor, number)
            os.closerange(_CODE + 1, OPEN_FILES)
            lower_limit(resource.RLIMIT_AS, self._own_bytes + limits["memory_bytes"])
            lower_limit(resource.RLIMIT_FSIZE, limits["output_bytes"])
            if self._user:
                os.setresgid(self._user, self._user, self._user)
                os.setresuid(self._user, self._user, self._user)
            if not self._in_namespaces:
                isolation.set_process_option(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)
            if self._filter:
                self._filter.apply()
            _PHASE.pack_into(self._page, 0, 0.0, COMPILING)
        except OSError:
            os._exit(1)  # the judge sees from the phase that this was not the program's fault
        os._exit(_run_program(text, self._begin))

    def _begin(self) -> None:
        """Note the CPU time that is not the program's, then take away what it was written to."""
        os.close(_CODE)
        _PHASE.pack_into(self._page, 0, time.process_time(), RUNNING)
        self._page.close()


def _fork() -> int:
    """Fork, and wait while the machine has no process to spare: a neighbour's threads end with its run."""
    gives_up = time.monotonic() + FORK_SECONDS
    while True:
        try:
            return os.fork()
        except BlockingIOError:
            if time.monotonic() > gives_up:
                raise
            time.sleep(0.01)


def lower_limit(kind: int, value: int) -> None:
    """Set a resource limit for good, as far as the inherited hard limit allows."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


# Setting up -----------------------------------------------------------------------------------------------------------


def _counts_processes_by_namespace() -> bool:
    """Since Linux 5.14 a limit on processes set inside a user namespace counts those of that namespace alone."""
    release = [int(part) for part in re.findall(r"\d+", os.uname().release)[:2]]
    return release >= [5, 14]


def _become_like_a_cold_interpreter() -> None:
    """Signals, environment, arguments and built-ins as a program expects them, whatever the judge's process had."""
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.environ.clear()
    sys.argv[:] = [PROGRAM_NAME]
    sys.orig_argv[:] = ["python3", PROGRAM_NAME]
    # Started without `site`, which would read the virtual environment; these are the parts programs use.
    site.setquit()
    site.setcopyright()
    site.sethelper()


def _load_modules(names: str) -> None:
    for name in names.split():
        importlib.import_module(name)
    compile("", PROGRAM_NAME, "exec")  # makes the types of the syntax tree, once instead of in every child


def _forget_own_modules() -> None:
    """Hide this file from programs and keep the collector from touching (so copying) what they share with it."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("compute", "__main__")]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    gc.disable()


def _address_space_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * mmap.PAGESIZE


def library_folders() -> list[str]:
    """What an interpreter reads at run time: the standard library, the shared libraries beside it and the system's."""
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo"]
    own = [os.path.join(prefix, sys.platlibdir) for prefix in (sys.base_prefix, sys.base_exec_prefix)]
    candidates = dict.fromkeys([*system, *own, *(os.path.dirname(os.__file__), *sys.path)])
    folders = [os.path.abspath(folder) for folder in candidates if os.path.isdir(folder)]
    return [folder for folder in folders if not any(_is_below(folder, other) for other in folders if other != folder)]


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def _enter_namespaces(folders: list[str], keep: tuple[int, ...], *, users: bool) -> None:
    """Become process 1 of a world that holds read-only `folders`, three devices and nothing else.

    The calling process stays behind, waits for its successor and dies with it.
    """
    flags = isolation.NEW_MOUNTS | isolation.NEW_NETWORK | isolation.NEW_IPC | isolation.NEW_HOST_NAME
    user, group = os.getuid(), os.getgid()
    isolation.unshare(flags | isolation.NEW_PIDS | (isolation.NEW_USERS if users else 0))
    if users:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{USERS[0]} {user} 1")
        _write("/proc/self/gid_map", f"{USERS[0]} {group} 1")
    _build_root(folders)
    successor = os.fork()
    if successor:
        for descriptor in keep:
            os.close(descriptor)
        os.waitpid(successor, 0)
        os._exit(0)
    isolation.set_process_option(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)


def _build_root(folders: list[str]) -> None:
    isolation.make_mounts_private()
    isolation.mount("tmpfs", MOUNT_POINT, "tmpfs", isolation.MS_NOSUID, "size=1m,nr_inodes=2048,mode=755")
    for folder in folders:
        target = MOUNT_POINT + folder
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        os.mkdir(target)
        isolation.bind_read_only(folder, target)
    for name in ("dev", "empty"):
        os.mkdir(f"{MOUNT_POINT}/{name}", 0o755)
    for name in ("null", "zero", "urandom"):
        _write(f"{MOUNT_POINT}/dev/{name}", "")
        isolation.bind_read_only(f"/dev/{name}", f"{MOUNT_POINT}/dev/{name}", devices=True)
    isolation.change_root(MOUNT_POINT)
    flags = isolation.MS_REMOUNT | isolation.MS_RDONLY | isolation.MS_NOSUID
    isolation.mount("tmpfs", "/", "tmpfs", flags, "size=1m,nr_inodes=2048,mode=755")
    os.chdir("/empty")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _sweep() -> None:
    """Kill and reap whatever is left in this process namespace."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


# In the child, after everything was given up --------------------------------------------------------------------------


def _run_program(text: bytes, begin: Callable[[], None]) -> int:
    """Compile and execute `text` as the main module. Returns the exit status a cold interpreter would give."""
    try:
        code = _compile(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return 1
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __file__=PROGRAM_NAME, __cached__=None)
    sys.modules["__main__"] = module
    del text
    gc.enable()
    begin()
    return _leave(_execute(code, module.__dict__), module.__dict__)


def _compile(text: bytes) -> types.CodeType:
    """The program's code: from the file where the first run of a request left it, or compiled and left there."""
    if size := os.fstat(_CODE).st_size:
        return marshal.loads(os.pread(_CODE, size, 0))
    code = compile(text, PROGRAM_NAME, "exec", dont_inherit=True)
    data = marshal.dumps(code)
    with contextlib.suppress(OSError):  # a file cut short by the output limit is emptied: the next run compiles again
        if os.write(_CODE, data) < len(data):
            os.ftruncate(_CODE, 0)
    return code


def _execute(code: types.CodeType, names: dict[str, Any]) -> int:
    try:
        try:
            exec(code, names)
        finally:
            _flush()  # before any exit hook can write past it
    except SystemExit as request:
        return _exit_status(request.code)
    except BaseException:  # the border of the judged program: whatever it raises is its own end, not ours
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _leave(status: int, names: dict[str, Any]) -> int:
    """The steps of interpreter shutdown that a program can notice: threads, exit hooks, flushing, finalisers."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    atexit._run_exitfuncs()
    flushed = _flush()
    names.clear()
    gc.collect()
    return status if flushed and _flush() else 120


def _flush() -> bool:
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        if stream is None or getattr(stream, "closed", False):
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            return False
    return True
