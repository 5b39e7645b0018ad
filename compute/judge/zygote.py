"""The fork server inside the sandbox: a small interpreter that locks itself up once, then forks a child for every run.

Started by `sandbox` as a fresh process (`START`), never as a fork of the judge, so that the judge's memory, files and
environment are not here. It never holds an answer, an output or a source text: the child reads its own source, outputs
go to memory files that this process only passes on, and CPU time and peak memory come from the kernel. In the role
"python" a child runs a Python program in the interpreter it already has; in "programs" and "toolchain" it executes a
file.

Standard library only. It compares nothing and knows no verdicts.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import json
import math
import mmap
import os
import random
import resource
import select
import signal
import site
import socket
import struct
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from compute.judge import call_program, isolation, landlock, namespaces, seccomp, warm_python
from compute.judge.box import Box

START = "import sys; sys.path.insert(0, sys.argv[1]); from compute.judge.zygote import main; main()"
LAYERS = ("root-namespaces", "user-namespaces", "landlock", "seccomp", "none")
# "python": programs in this interpreter. "programs": files to execute. "toolchain": compilers, which start others.
ROLES = PYTHON, PROGRAMS, TOOLCHAIN = ("python", "programs", "toolchain")
MAX_TESTS = 32  # in one request: each takes the judge three files, of which a process often may have only 1024
OUTPUTS_BYTES = 64 << 20  # of one request: with more the remaining tests are asked for again
MAX_FILES = 200  # in one message, which the kernel bounds at 253

# What most contest programs import. Each makes every fork dearer, so what few import stays out; so does threading,
# whose fork hook costs a quarter of a millisecond.
MODULES = "array bisect cmath collections copy functools heapq io itertools math operator random re string typing"
# Where no file may be opened, a program has only what was loaded before.
MORE_MODULES = (
    " abc base64 binascii calendar codecs concurrent.futures contextlib dataclasses datetime decimal difflib "
    "encodings.ascii encodings.latin_1 enum fractions graphlib hashlib inspect json numbers pprint queue reprlib "
    "mmap pickle secrets statistics struct textwrap threading time traceback types unicodedata unittest weakref zlib"
)

COMPILE_SECONDS = 10.0
FORK_SECONDS = 20.0
STACK_BYTES = 256 << 20
OPEN_FILES = 256  # more than a request needs
THREADS = 64
BOX_BYTES = 1 << 30
# Peak memory decides; the address space is limited as well, so that nothing takes the whole machine before it is
# measured. The room above the limit is for what is reserved and never touched, such as threads' stacks.
SPARE_BYTES = {PYTHON: 1 << 30, PROGRAMS: 1 << 30, TOOLCHAIN: 0}
SETTING_UP, COMPILING, RUNNING = 0, 1, 2
_PROGRAM = 3  # descriptor of the compiled program, or of the file to execute, in the child until the program begins
_ALL_FILES = 1 << 30  # beyond any descriptor: those the judge handed over may have high numbers
_LAST_SWITCH_SECONDS = 0.02
_PHASE = struct.Struct("=dI")  # CPU seconds when the program began, phase
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# The C function, with the interpreter's lock held: os.fork() takes a quarter of a millisecond more for its hooks, and
# there are no other threads here that they would be for.
_fork_process = ctypes.PyDLL(None).fork


def main() -> None:
    """Lock this process up as the arguments ask, report how, then serve until the judge goes away."""
    _, folder, descriptor, judge_pid, options = sys.argv
    sys.path.remove(folder)
    control = socket.socket(fileno=int(descriptor))
    wanted = json.loads(options)
    try:
        judge = os.pidfd_open(int(judge_pid))
        if os.getppid() != int(judge_pid):
            os._exit(0)
        control.recv(16)
        _become_like_a_cold_interpreter()
        zygote = Zygote(control, judge, **wanted)
    except OSError as error:
        control.sendmsg([json.dumps({"error": f"{wanted['layer']}: {error}"}).encode()])
        os._exit(1)
    control.sendmsg([json.dumps({"isolation": zygote.isolation}).encode()])
    del folder, descriptor, judge_pid, options, wanted, control, judge
    zygote.serve()


class Zygote:
    """This process, locked up. `isolation` names what holds, strongest first."""

    def __init__(
        self, control: socket.socket, judge: int, layer: str, role: str, folders: Sequence[str], box: str
    ) -> None:
        """`folders`: what may be read besides this interpreter's own library. `box`: the folder for files where there
        is no private root to put one into. Raises OSError when the kernel refuses a part of `layer`."""
        self._control, self._judge, self._role = control, judge, role
        self._in_namespaces = layer in ("root-namespaces", "user-namespaces")
        self._user = namespaces.USERS[os.getpid() % len(namespaces.USERS)] if layer == "root-namespaces" else None
        if role == PYTHON:
            _load_modules(MODULES + (MORE_MODULES if layer == "seccomp" else ""))
        self._own_bytes = _address_space_bytes() if role == PYTHON else 0
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._box = None if role == PYTHON else Box(namespaces.BOX if self._in_namespaces else box)
        self._filter: seccomp.Filter | None = None
        self._rules: list[landlock.Rules] = []
        self.isolation = "+".join(self._lock_up(layer, folders))
        _forget_own_modules()
        random.seed(0)  # children do not seed it anew: a program that draws gets the same verdict every time

    def _lock_up(self, layer: str, more_folders: Sequence[str]) -> list[str]:
        folders = namespaces.outermost([*namespaces.library_folders(), *more_folders])
        held = [layer]
        if self._in_namespaces:
            world = namespaces.World(folders, BOX_BYTES if self._box else 0)
            keep = (self._control.fileno(), self._judge)
            namespaces.enter(world, keep, users=layer == "user-namespaces")
        if self._user:
            os.setgroups([])
        else:
            isolation.drop_capabilities()
        isolation.set_process_option(isolation.PR_SET_NO_NEW_PRIVS, 1)
        isolation.set_process_option(isolation.PR_SET_DUMPABLE, 0)
        self._limit_resources()
        if self._box:
            self._box.prepare()
        if layer == "landlock" or (self._in_namespaces and landlock.version()):
            self._hide_files(folders)
            held.append("landlock")
        if layer != "none":
            executes, builds = self._role != PYTHON, self._role == TOOLCHAIN
            everything = seccomp.for_server(
                files=layer != "seccomp", executes=executes, builds=builds, aborts=self._in_namespaces
            )
            seccomp.Filter(everything).apply()
            self._filter = None if builds else seccomp.Filter(seccomp.for_programs(executes=executes))
            held.append("seccomp")
        return [*dict.fromkeys(held), "rlimits"]

    def _hide_files(self, folders: Sequence[str]) -> None:
        shown = folders if self._in_namespaces else namespaces.without_packages(folders)
        rules = landlock.Rules()
        rules.readable(shown, executable=self._box is not None)
        rules.writable_file("/dev/null")
        if self._box:
            rules.writable_folder(self._box.path)
        if self._role == PROGRAMS:
            self._rules = [self._rules_for_programs(shown, feedback=feedback) for feedback in (False, True)]
        rules.apply()

    def _rules_for_programs(self, folders: Sequence[str], *, feedback: bool) -> landlock.Rules:
        """What an executed program may reach: as above, but of the box nothing may be written, except by a validator
        its feedback."""
        assert self._box is not None
        rules = landlock.Rules()
        rules.readable([*folders, self._box.path], executable=True)
        rules.writable_file("/dev/null")
        if feedback:
            rules.writable_folder(self._box.feedback)
        return rules

    def _limit_resources(self) -> None:
        """The limits that are the same for every run; children inherit them.

        No RLIMIT_CPU for programs: it has a grain of a second, and while it is set the kernel refreshes the CPU clock
        that `_watch` reads only at timer ticks, 4 ms apart.
        """
        self._most_space, self._most_size = (_hard_limit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE))
        lower_limit(resource.RLIMIT_CORE, 0)
        lower_limit(resource.RLIMIT_STACK, STACK_BYTES)
        lower_limit(resource.RLIMIT_NOFILE, OPEN_FILES)
        if self._user or (self._in_namespaces and namespaces.counts_processes_by_namespace()):
            # Counted by user; elsewhere the user's own processes would count. Without fork these are threads.
            lower_limit(resource.RLIMIT_NPROC, THREADS)

    # Serving ------------------------------------------------------------------------------------------------------

    def serve(self) -> NoReturn:
        """Answer requests one after the other. A request: an order and files (the program, the box's, then one input a
        run); the answer: one record a run, two files each (standard output, standard error), and the collected one."""
        while self._somebody_asks():
            message, ancillary, _, _ = self._control.recvmsg(1 << 16, socket.CMSG_SPACE((MAX_FILES + 1) * 4))
            if not message:
                break
            files = array.array("i")
            for _, _, data in ancillary:
                files.frombytes(data)
            order = json.loads(message)
            records, outputs = self._answer(order, files)
            answer = json.dumps({"number": order["number"], "runs": records}).encode()
            self._control.sendmsg([answer], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, outputs)])
            for descriptor in (*files, *outputs):
                os.close(descriptor)
        os._exit(0)

    def _answer(self, order: dict[str, Any], files: array.array[int]) -> tuple[list[dict[str, Any]], array.array[int]]:
        records: list[dict[str, Any]] = []
        outputs = array.array("i")
        names = order["box"]
        program, inputs = files[0], files[1 + len(names) :]
        code = os.memfd_create("code")
        if self._box:
            boxed = dict(zip(names, files[1:], strict=False))
            self._box.fill(boxed, builds=self._role == TOOLCHAIN, feedback=order["feedback"])
        for stdin in inputs:
            stdout, stderr = os.memfd_create("stdout"), os.memfd_create("stderr")
            outputs.extend((stdout, stderr))
            records.append(self._run(order, (program, code), (stdin, stdout, stderr), records))
            if records[-1]["phase"] != RUNNING or (order["stop"] and records[-1]["status"]):
                break
            if sum(os.fstat(output).st_size for output in outputs) > OUTPUTS_BYTES:
                break
        if self._box:
            if order["collect"]:
                outputs.append(self._box.collect(order["collect"]))
            self._box.empty()
        os.close(code)
        return records, outputs

    def _somebody_asks(self) -> bool:
        """Wait for a request. False when the judge died: its end of the socket may live on in a process it forked."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._judge, select.POLLIN)
        return all(descriptor != self._judge for descriptor, _ in poll.poll())

    def _run(
        self,
        order: dict[str, Any],
        program: tuple[int, int],
        streams: tuple[int, int, int],
        earlier: list[dict[str, Any]],
    ) -> dict[str, Any]:
        _PHASE.pack_into(self._page, 0, 0.0, SETTING_UP)
        started = time.monotonic()
        pid = _fork()
        if pid == 0:
            earlier.clear()  # in the child alone: a program can read these frames, and must not learn of its other runs
            self._become_the_program(order, program, streams)
        killed = self._watch(pid, order, started)
        if killed == "wall":  # the count of its waits is whole only when it has left the processor for the last time
            time.sleep(_LAST_SWITCH_SECONDS)
        _, status, usage = os.wait4(pid, 0)
        if self._in_namespaces:
            namespaces.sweep()
        elif self._role == TOOLCHAIN:
            _end_session(pid)
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

    def _watch(self, pid: int, order: dict[str, Any], started: float) -> str:
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
                left = self._time_left(clock, order, started)
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

    def _time_left(self, clock: int, order: dict[str, Any], started: float) -> dict[str, float]:
        """Seconds until a limit could be reached; empty when the child has already ended."""
        began, phase = _PHASE.unpack_from(self._page, 0)
        try:
            spent = time.clock_gettime(clock)
        except OSError:
            return {}
        if phase == RUNNING:
            return {
                "cpu": began + order["cpu_seconds"] - spent,
                "wall": started + order["wall_seconds"] - time.monotonic(),
            }
        if spent > COMPILE_SECONDS:
            return {"cpu": 0.0}
        # A program that has not begun yet cannot reach its limit sooner than this; look again then.
        return {"cpu": max(order["cpu_seconds"], 0.001), "wall": started + 10 * COMPILE_SECONDS - time.monotonic()}

    # The child ----------------------------------------------------------------------------------------------------

    def _become_the_program(
        self, order: dict[str, Any], program: tuple[int, int], streams: tuple[int, int, int]
    ) -> NoReturn:
        """In the child: give up everything, then run as a cold interpreter would, or execute."""
        try:
            if self._role == TOOLCHAIN:  # so that what it leaves running can be ended as one
                os.setsid()
            text = os.pread(program[0], order["source_bytes"], 0) if self._box is None else b""
            if self._rules:
                self._rules[bool(order["feedback"])].apply()
            for number, descriptor in enumerate((*streams, program[1] if self._box is None else program[0])):
                os.dup2(descriptor, number, inheritable=number != _PROGRAM)
            os.closerange(_PROGRAM + 1, _ALL_FILES)
            if self._box:
                os.chdir(self._box.path)
            space = min(self._most_space, self._own_bytes + order["memory_bytes"] + SPARE_BYTES[self._role])
            resource.setrlimit(resource.RLIMIT_AS, (space, space))
            size = min(self._most_size, order["output_bytes"])
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            if self._role == TOOLCHAIN:  # its children's time is not on the clock that is watched
                # The soft limit first: its signal tells a compiler that takes too long from one killed from outside.
                seconds = math.ceil(order["cpu_seconds"])
                resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            if self._user:
                os.setresgid(self._user, self._user, self._user)
                os.setresuid(self._user, self._user, self._user)
            if not self._in_namespaces:
                isolation.set_process_option(isolation.PR_SET_PDEATHSIG, signal.SIGKILL)
            if self._filter:
                self._filter.apply()
            if self._box:
                self._execute(order["command"])
            _PHASE.pack_into(self._page, 0, 0.0, COMPILING)
        except OSError as error:
            _PHASE.pack_into(self._page, 0, 0.0, SETTING_UP)  # the judge sees that this was not the program's fault
            os.write(2, f"{error}".encode())
            os._exit(1)
        call = partial(call_program.call_program, **order["call"]) if order["call"] else None
        warm_python.run_program(text, _PROGRAM, self._begin, call)

    def _execute(self, command: Sequence[str]) -> NoReturn:
        """Become the first word of `command`, or where that is empty the program that came as a file.

        By descriptor: the call that executes a name is refused to programs.
        """
        assert self._box is not None
        environment = {**_ENVIRONMENT, "HOME": self._box.path, "TMPDIR": self._box.path}
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and an executed program would go on to
            signal.signal(number, signal.SIG_DFL)
        _PHASE.pack_into(self._page, 0, time.process_time(), RUNNING)
        if command[0]:
            os.execve(os.open(command[0], os.O_RDONLY | os.O_CLOEXEC), list(command), environment)
        try:
            os.execve(_PROGRAM, [warm_python.PROGRAM_NAME.partition(".")[0], *command[1:]], environment)
        except OSError as error:  # it compiled to something that cannot start: its own fault
            os.write(2, f"{error}".encode())
            os._exit(127)

    def _begin(self) -> None:
        """Note the CPU time that is not the program's, then take away what it was written to."""
        os.close(_PROGRAM)
        _PHASE.pack_into(self._page, 0, time.process_time(), RUNNING)
        self._page.close()


def _fork() -> int:
    """Fork, and wait while the machine has no process to spare: a neighbour's threads end with its run."""
    gives_up = time.monotonic() + FORK_SECONDS
    while (pid := _fork_process()) < 0:
        if time.monotonic() > gives_up:
            raise BlockingIOError("no process to spare")
        time.sleep(0.01)
    return pid


def _end_session(leader: int) -> None:
    """Kill what a compiler left running where no process namespace does it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _hard_limit(kind: int) -> int:
    _, hard = resource.getrlimit(kind)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def lower_limit(kind: int, value: int) -> None:
    """Set a resource limit for good, as far as the inherited hard limit allows."""
    value = min(value, _hard_limit(kind))
    resource.setrlimit(kind, (value, value))


# Setting up -----------------------------------------------------------------------------------------------------------


def _become_like_a_cold_interpreter() -> None:
    """Signals, environment, arguments and built-ins as a program expects them, whatever the judge's process had."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # which Python itself ignores
        if signal.getsignal(number) == signal.SIG_IGN:  # a shell does so to what it starts in the background
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.environ.clear()
    sys.argv[:] = [warm_python.PROGRAM_NAME]
    sys.orig_argv[:] = ["python3", warm_python.PROGRAM_NAME]
    # Started without `site`, which would read the virtual environment; these are the parts programs use.
    site.setquit()
    site.setcopyright()
    site.sethelper()


def _load_modules(names: str) -> None:
    for name in names.split():
        importlib.import_module(name)
    compile("", warm_python.PROGRAM_NAME, "exec")  # makes the types of the syntax tree, once instead of in every child


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
