"""The sandbox in every layer this machine grants: what a program cannot reach, and that it otherwise runs as in a cold
interpreter."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from compute.errors import SandboxError
from compute.judge import namespaces, zygote
from compute.judge.sandbox import RunLimits, Sandbox, SealedFile, open_sandbox

LIMITS = RunLimits(cpu_seconds=2, wall_seconds=20, memory_bytes=256 << 20, output_bytes=1 << 20)
ISOLATED = zygote.LAYERS[:-1]
X86_64_CALLS = {
    "unshare": 272,
    "mount": 165,
    "ptrace": 101,
    "bpf": 321,
    "io_uring_setup": 425,
    "process_vm_readv": 310,
    "keyctl": 250,
    "clone3": 435,
}


@pytest.fixture(scope="module")
def sandboxes():
    """For each layer the sandbox, or why there is none."""
    started: dict[str, Sandbox | SandboxError] = {}
    for layer in ISOLATED:
        try:
            started[layer] = open_sandbox(layers=[layer])
        except SandboxError as error:
            started[layer] = error
    yield started
    for sandbox in started.values():
        if isinstance(sandbox, Sandbox):
            sandbox.close()


@pytest.fixture(params=ISOLATED)
def sandbox(request, sandboxes):
    if isinstance(found := sandboxes[request.param], SandboxError):
        pytest.skip(str(found))
    return found


@pytest.fixture
def best(sandboxes):
    """The sandbox that the judge would take here."""
    return next(found for found in sandboxes.values() if isinstance(found, Sandbox))


def run(sandbox, program, given=b"", limits=LIMITS):
    with SealedFile(program.encode()) as source, SealedFile(given) as stdin:
        return sandbox.run(source, [stdin], limits)[0]


def output(sandbox, program, given=b""):
    result = run(sandbox, program, given)
    assert (result.phase, result.status) == (zygote.RUNNING, 0), result.error_output.decode()
    return result.output.decode().strip()


# What a program must not reach ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.execv('/bin/sh', ['sh', '-c', 'true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(1, 9)",
        "os.kill(os.getppid(), 9)",
        "os.killpg(0, 9)",
        "signal.raise_signal(signal.SIGKILL)",
        "signal.pthread_kill(threading.get_ident(), 15)",
        "_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)",
        "_socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)",
        "_socket.socketpair()",
        "os.memfd_create('more')",
        "os.pidfd_open(os.getpid())",
        "os.setuid(0)",
        "os.chroot('.')",
        "os.mkdir('/tmp/frontier-escape')",
        "os.listdir('/proc')",
        "os.listdir('/home')",
        "os.listdir('/tmp')",
        "os.listdir('/etc')",
        "open('/etc/passwd')",
        "open('/tmp/frontier-escape', 'w')",
        "open('escape', 'w')",
        "open('/usr/lib/escape', 'w')",
        "open('/proc/self/mem', 'rb')",
        "open('/dev/mem', 'rb')",
        "os.symlink('/', 'escape')",
        "os.truncate('/dev/null', 0)",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
        "fcntl.ioctl(1, 0x5412, b'x')",
        "fcntl.fcntl(1, 1033, 1)",
        "fcntl.fcntl(0, 1033, 1)",
        "os.write(0, b'x')",
        "os.ftruncate(0, 0)",
    ],
)
def test_a_program_is_refused(sandbox, attempt):
    program = f"""
import os, signal, _thread
try:
    import threading, resource, fcntl, _socket
except ImportError:  # where no file may be opened
    print("refused")
    raise SystemExit
try:
    {attempt}
except (OSError, ValueError):
    print("refused")
else:
    print("done")
"""
    assert output(sandbox, program) == "refused"


@pytest.mark.parametrize("call", X86_64_CALLS)
def test_a_system_call_that_computing_does_not_need_is_not_there(sandbox, call):
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are those of x86-64")
    program = f"""
try:
    import ctypes
except ImportError:
    print(38)
else:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall({X86_64_CALLS[call]}, 0, 0, 0, 0, 0)
    print(ctypes.get_errno())
"""
    assert output(sandbox, program) == "38"


def test_the_environment_is_empty_whatever_the_judge_has(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hidden")
    with contextlib.closing(open_sandbox()) as sandbox:
        assert output(sandbox, "import os; print(dict(os.environ))") == "{}"
        program = "import ctypes; print(ctypes.c_char_p.in_dll(ctypes.CDLL(None), 'environ').value)"
        assert output(sandbox, program) == "b''"  # the list that the C library sees ends at once, too


def test_only_the_three_standard_files_are_open_however_many_the_judge_has():
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(150)]
    for descriptor in files:
        os.set_inheritable(descriptor, True)
    with contextlib.closing(open_sandbox()) as sandbox:
        program = """
import os
found = []
for number in range(2000):
    try:
        os.fstat(number)
        found.append(number)
    except OSError:
        pass
print(found)
"""
        assert output(sandbox, program) == "[0, 1, 2]"
    for descriptor in files:
        os.close(descriptor)


def test_a_fork_server_ends_with_its_own_judge_end_though_others_live():
    with contextlib.closing(open_sandbox()) as first, contextlib.closing(open_sandbox(layers=[first.layer])):
        top = psutil.Process(first.pid)
        first._control.close()
        top.wait(timeout=10)


def test_neither_sources_nor_inputs_nor_outputs_stay_in_the_fork_server(best):
    """Read from outside, because the memory of a child is a copy of the fork server's."""
    run(best, "# earlier-source-of-mine\nprint('earlier' + '-output-of-mine', input())\n", b"earlier-input-of-mine\n")
    server = (psutil.Process(best.pid).children() or [psutil.Process(best.pid)])[0]
    maps = Path(f"/proc/{server.pid}/maps")
    try:
        ranges = [line.split()[0].split("-") for line in maps.read_text().splitlines() if " rw" in line]
        with open(f"/proc/{server.pid}/mem", "rb") as memory:
            for start, end in ranges:
                memory.seek(int(start, 16))
                found = memory.read(int(end, 16) - int(start, 16))
                assert b"-of-mine" not in found
    except PermissionError:
        pass  # not even its owner may read it: the fork server is not dumpable


def test_programs_know_nothing_of_the_fork_server_or_earlier_runs(best):
    assert output(best, "import math; math.earlier = 1; print(1)") == "1"
    program = "import math, sys; print(hasattr(math, 'earlier'), [m for m in sys.modules if 'compute' in m], sys.path)"
    seen = output(best, program)
    assert seen.startswith("False []")
    assert str(Path(__file__).parents[2]) not in seen


def test_a_program_runs_as_nobody_in_particular():
    if os.getuid() != 0:
        pytest.skip("only root can change the user")
    with contextlib.closing(open_sandbox(layers=["root-namespaces"])) as sandbox:
        user, *rest = eval(
            output(sandbox, "import os; print((os.getuid(), os.getgid(), os.getgroups(), os.getresuid()))")
        )
        assert user in namespaces.USERS
        assert rest == [user, [], (user, user, user)]


def test_sleeping_threads_do_not_outlive_a_run(best):
    start = "Thread(target=sleep, args=(60,), daemon=True).start()"
    program = f"from threading import Thread\nfrom time import sleep\nfor _ in range(5): {start}"
    assert run(best, program).status == 0
    assert all(not child.children() for child in psutil.Process(best.pid).children())


def test_the_machine_refuses_untrusted_code_without_isolation_unless_told_otherwise():
    with pytest.raises(SandboxError, match="cannot be run in isolation"):
        open_sandbox(layers=[])
    with contextlib.closing(open_sandbox(layers=[], unsafe=True)) as sandbox:
        assert sandbox.isolation.startswith("none")
        assert output(sandbox, "print(input())", b"x") == "x"


def test_a_layer_this_user_cannot_have_is_named_in_the_refusal():
    if os.getuid() == 0:
        pytest.skip("root has all layers")
    with pytest.raises(SandboxError, match="root-namespaces"):
        open_sandbox(layers=["root-namespaces"])


def test_an_ordinary_user_gets_a_sandbox_too(tmp_path):
    """As root only: the same again as `nobody`, where an interpreter exists that everybody can read."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if os.getuid() != 0 or not python:
        pytest.skip("needs root and a system interpreter")
    with contextlib.suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        package = tmp_path / "compute"
        shutil.copytree(Path(zygote.__file__).parent, package / "judge", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("__init__.py", "errors.py"):
            shutil.copy(Path(zygote.__file__).parents[1] / name, package)
        for folder in [*tmp_path.parents[:2], tmp_path, *tmp_path.rglob("*")]:
            folder.chmod(0o755 if folder.is_dir() else 0o644)
        script = "from compute.judge.sandbox import open_sandbox; s = open_sandbox(); print(s.isolation); s.close()"
        result = subprocess.run(
            [python, "-c", script], cwd=tmp_path, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], env={},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "No module" in result.stderr or "SyntaxError" in result.stderr or "Permission" in result.stderr:
            pytest.skip("the system interpreter cannot run this package")
        assert "seccomp" in result.stdout, result.stderr


# What a program may expect --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [
        "print(input()); print(input())",
        "import sys; print(sys.stdin.read().split())",
        "import sys; print(sys.stdin.buffer.read()); print(sys.stdin.read())",
        "import os, sys; print(os.read(0, 3)); print(sys.stdin.readline())",
        "print(open(0).read())",
        "while True: print(input())",
        "exit()",
        "quit(3)",
        "import sys; sys.exit()",
        "import sys; sys.exit('words')",
        "import sys; sys.exit(256)",
        "import sys; sys.exit(-1)",
        "raise SystemExit(True)",
        "import os; print('lost'); os._exit(4)",
        "import sys; print('before'); sys.stdout.close()",
        "import sys; sys.stdout.close(); print('after')",
        "import os; os.close(1); print('into nothing')",
        "import os; os.close(0); print(input())",
        "import sys; sys.stdout = None; print('nowhere')",
        "import sys, io; print('first'); sys.stdout = io.StringIO(); print('second')",
        "import atexit; atexit.register(print, 'at exit'); print('now')",
        "import atexit; atexit.register(lambda: 1 / 0); print('now')",
        "import atexit, os; atexit.register(os.write, 1, b'raw'); print('now')",
        "out = open(1, 'w'); out.write('never closed')",
        "import sys; sys.stdout.write('no newline')",
        "import io, os; out = io.BytesIO(); out.write(b'fast'); os.write(1, out.getvalue())",
        "import threading, time\ndef f(): time.sleep(0.05); print('thread')\nthreading.Thread(target=f).start()",
        "import threading, sys\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\n"
        "def f(n): return n and f(n - 1) + 1\nt = threading.Thread(target=lambda: print(f(50000)))\nt.start()",
        "def f(n): return n and f(n - 1)\nf(10**5)",
        "class Last:\n    def __del__(self): print('deleted')\nkept = Last()",
        "import sys; sys.excepthook = lambda *_: print('hooked'); 1 / 0",
        "assert False",
        "print(__name__, __file__ is not None, __doc__, __package__, __spec__)",
        "import __main__; x = 1; print(__main__.x)",
        "import pickle\nclass P: pass\nprint(type(pickle.loads(pickle.dumps(P()))).__module__)",
        "from __future__ import annotations\ndef f(x: undefined): pass\nprint(f.__annotations__)",
        "import signal; print(signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGINT), signal.SIGXFSZ)",
        "import signal; print(*map(signal.getsignal, (signal.SIGTERM, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGHUP)))",
        "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))",
        "import gc; print(gc.isenabled(), gc.get_threshold())",
        "import sys; print(sys.getrecursionlimit(), sys.getswitchinterval(), len(sys.argv))",
        "import sys; print(sys.stdin.name, sys.stdout.mode, sys.stdin.seekable(), sys.stdin.isatty())",
        "import sys; print(sys.stdin.encoding, sys.stdout.encoding, sys.stdout.line_buffering, sys.stdin.fileno())",
        "print('héllo wörld ✓')",
        "print(help, copyright, exit)",
        "import collections, heapq, bisect, math, itertools, functools, re, json, random, string, datetime, decimal\n"
        "import fractions, statistics, typing, operator, copy, queue, threading, dataclasses, enum; print('imported')",
        "import numpy_is_not_here",
        "import colorsys, wave, csv; print('lazily imported')",
        "import hashlib, sqlite3, bz2, lzma, zlib, ctypes; print(hashlib.sha256(b'').hexdigest())",
        "import time; print(time.strftime('%Z') != '')",
        "import os; print(os.path.exists('/dev/null'), open('/dev/null', 'w').write('x'))",
        "import warnings; warnings.warn('careful')",
        "import random; random.seed(1); print(random.random())",
        "import asyncio",
        "del print",
        "globals().clear()",
        "import sys; sys.modules.clear()",
        "import builtins; builtins.compile = builtins.exec = None; print(1)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import os; os.abort()",
    ],
)  # fmt: skip
def test_a_program_ends_as_in_a_cold_interpreter(best, program, tmp_path):
    source, given = tmp_path / "program.py", tmp_path / "given"
    source.write_text(program)
    given.write_text("first line\nsecond line\n")
    with given.open() as stdin:
        command = [sys.executable, "-X", "utf8", str(source)]
        # A shell's background jobs ignore SIGINT, and their children inherit that: a start from a terminal is meant.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            cold = subprocess.run(command, stdin=stdin, capture_output=True, check=False, env={})
        finally:
            signal.signal(signal.SIGINT, before)
    result = run(best, program, given.read_bytes())
    assert (result.output, result.status == 0) == (cold.stdout, cold.returncode == 0), result.error_output.decode()
    if os.WIFEXITED(result.status) and cold.returncode > 0:
        assert os.waitstatus_to_exitcode(result.status) == cold.returncode


def test_several_inputs_of_one_program_are_independent_runs(sandbox):
    program = "import sys\nseen = globals().get('seen', 0) + 1\nprint(seen, sys.stdin.read())\n"
    with SealedFile(program.encode()) as source, contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(SealedFile(str(n).encode())) for n in range(zygote.MAX_TESTS)]
        runs = sandbox.run(source, inputs, LIMITS)
        again = sandbox.run(source, inputs[:3], LIMITS)
    assert [one.output.decode().split() for one in runs] == [["1", str(n)] for n in range(zygote.MAX_TESTS)]
    assert [one.output for one in again] == [one.output for one in runs[:3]]


def test_inputs_and_outputs_of_many_megabytes_pass_unharmed(best):
    given = b"0123456789abcde\n" * (1 << 19)
    result = run(best, "import sys; sys.stdout.write(sys.stdin.read())", given, RunLimits(5, 60, 512 << 20, 16 << 20))
    assert result.output == given


def test_output_stops_at_its_limit_even_when_the_program_ignores_the_error(best):
    program = "import os\nfor _ in range(5000):\n    try: os.write(1, b'x' * 1000)\n    except OSError: pass\n"
    result = run(best, program)
    assert (result.output_bytes, len(result.output)) == (LIMITS.output_bytes, LIMITS.output_bytes)


def test_peak_memory_is_the_programs_own(best):
    burden = bytearray(300 << 20)
    burden[:: 1 << 12] = b"x" * len(burden[:: 1 << 12])
    with contextlib.closing(Sandbox(best.layer)) as fresh:
        small, large = run(fresh, "pass"), run(fresh, "x = bytearray(100 << 20); x[::4096] = b'1' * len(x[::4096])")
    assert small.memory_bytes < 40 << 20
    assert (100 << 20) < large.memory_bytes < (150 << 20)


def test_a_program_may_use_all_the_memory_it_was_granted(best):
    fits = "x = bytearray(200 << 20); print(1)"
    exceeds = f"x = bytearray({LIMITS.memory_bytes + zygote.SPARE_BYTES[zygote.PYTHON] + (64 << 20)}); print(1)"
    assert run(best, fits).output == b"1\n"
    assert b"MemoryError" in run(best, exceeds).error_output


def test_cpu_time_is_killed_within_milliseconds_of_its_limit(sandbox):
    limits = RunLimits(0.03, 10, 256 << 20, 1 << 20)
    results = [run(sandbox, "while True: pass", limits=limits) for _ in range(8)]
    assert {(result.killed, os.WTERMSIG(result.status)) for result in results} == {("cpu", signal.SIGKILL)}
    # A busy machine can only make whoever watches come later.
    assert 0.03 <= min(result.cpu_seconds for result in results) < 0.045


def test_threads_together_spend_one_budget(best):
    program = """
import threading, hashlib
def work():
    while True: hashlib.sha256(bytes(1 << 22))
for _ in range(3): threading.Thread(target=work).start()
"""
    result = run(best, program, limits=RunLimits(0.2, 10, 512 << 20, 1 << 20))
    assert result.killed == "cpu"


def test_sleeping_ends_at_the_wall_limit_and_is_told_from_starving(best):
    result = run(best, "import time; time.sleep(100)", limits=RunLimits(1, 0.3, 256 << 20, 1 << 20))
    assert result.killed == "wall"
    assert result.waits > 1
    assert run(best, "while True: pass", limits=RunLimits(0.1, 10, 256 << 20, 1 << 20)).waits <= 1


def test_compiling_does_not_count_against_the_program(best):
    long = (
        "\n".join(f"def f{n}(x): return [x + {n}, x * {n}, x - {n}, (x, {n})]" for n in range(3000)) + "\nprint(f7(1))"
    )
    result = run(best, long, limits=RunLimits(0.1, 60, 256 << 20, 1 << 20))
    assert (result.output, result.killed) == (b"[8, 7, -6, (1, 7)]\n", "")


def test_a_program_that_cannot_be_compiled_never_begins(best):
    result = run(best, "print(1)\nprint(")
    assert (result.phase, result.output) == (zygote.COMPILING, b"")


def test_signals_and_masks_of_the_judge_do_not_reach_programs():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGALRM])
    try:
        with contextlib.closing(open_sandbox()) as sandbox:
            program = "from signal import *; print(getsignal(SIGTERM) is SIG_DFL, pthread_sigmask(0, []))"
            assert output(sandbox, program) == "True set()"
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_a_sealed_file_cannot_be_changed():
    with SealedFile(b"fixed") as file:
        descriptor = os.open(f"/proc/self/fd/{file._descriptor}", os.O_RDWR)
        with open(descriptor, "r+b", buffering=0) as writable, pytest.raises(OSError, match="not permitted"):
            writable.write(b"other")


def test_the_fork_server_survives_nonsense_from_programs(sandbox):
    for program in ("import os; os.close(0); os.close(1); os.close(2)", "import sys; sys.setrecursionlimit(1)", "\x00"):
        run(sandbox, program)
    assert output(sandbox, "print(1)") == "1"
