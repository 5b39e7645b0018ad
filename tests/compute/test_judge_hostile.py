"""Programs that attack the judge: none gets a better verdict than it deserves, and none costs its neighbour's one."""

import os
import time

import pytest

from compute.configs import JudgeLimits
from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.checkers import tokens
from compute.judge.judge import Judge, Submission
from compute.judge.sandbox import RunLimits, Sandbox, SealedFile, open_sandbox
from compute.problems.problem import BlobStore, Problem, TestCase

LIMITS = RunLimits(cpu_seconds=0.3, wall_seconds=2, memory_bytes=128 << 20, output_bytes=1 << 20)
HONEST = "print(int(input()) ** 2)"
RAW = "import ctypes\ncall = ctypes.CDLL(None).syscall\n"
FRAMES = """
import sys
frame = sys._getframe()
while "self" not in frame.f_locals:
    frame = frame.f_back
server = frame.f_locals["self"]
"""
ATTACKS = {
    "forges an answer on every descriptor": """
import os
for number in range(3, 1100):
    try:
        os.write(number, b'{"runs": [{"phase": 2, "status": 0}]}')
        print(number)
    except OSError:
        pass
""",
    "uses the fork server's objects": FRAMES
    + """
for forge in (lambda: server._control.send(b'{"runs": []}'), lambda: server._page[:4], server._run):
    try:
        forge({}, (0, 0), (0, 1, 2))
        print("forged")
    except (OSError, ValueError, TypeError, KeyError):
        pass
""",
    "lets the fork server's code go on": "import os\nos._exit = lambda status: None\nos.fork = lambda: 1\n",
    "signals the fork server": RAW + "for n in (62, 200, 234, 297, 424): call(n, 1, 9, 9); call(n, -1, 9, 9)",
    "stops itself": RAW + "import os\nfor n in (62, 200, 129): call(n, os.getpid(), 19, 0)",
    "starts threads without end": """
import _thread
held = _thread.allocate_lock()
held.acquire()
_thread.stack_size(32768)
for _ in range(3000):
    _thread.start_new_thread(held.acquire, ())
""",
    "leaves its main thread": RAW + "import threading, time\n"
    "threading.Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(0.05)\ncall(60, 0)",
    "ignores all signals and errors": "import signal\n"
    "for n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "never comes back from a call into C": "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)",
    "never ends its last words": "import atexit\natexit.register(lambda: [0 for _ in iter(int, 1)])",
    "floods its errors": "import sys\nwhile True: sys.stderr.write('x' * 100_000)",
    "fills memory that it shares": "import mmap\nkept = []\n"
    "while True: kept.append(mmap.mmap(-1, 1 << 20)); kept[-1].write(b'x' * 1000)",
    "takes everything apart": "import sys, builtins\nsys.modules.clear()\nbuiltins.__dict__.clear()",
    "calls the kernel in another tongue": "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\n"
    "m.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')\n"
    "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
    "does not decode": "# coding: zlib_codec\nprint(1)",
    "breaks the parser": "(" * 100_000,
}


@pytest.fixture(scope="module")
def sandboxes():
    started: dict[str, Sandbox | SandboxError] = {}
    for layer in zygote.LAYERS[:-1]:
        try:
            started[layer] = open_sandbox(layers=[layer])
        except SandboxError as error:
            started[layer] = error
    yield started
    for sandbox in started.values():
        if isinstance(sandbox, Sandbox):
            sandbox.close()


@pytest.fixture(params=zygote.LAYERS[:-1])
def sandbox(request, sandboxes):
    if isinstance(found := sandboxes[request.param], SandboxError):
        pytest.skip(str(found))
    return found


def run(sandbox, program):
    with SealedFile(program.encode()) as source, SealedFile(b"7") as stdin:
        return sandbox.run(source, [stdin], LIMITS)[0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_prints_an_answer_outlives_its_limits_or_harms_the_next_run(sandbox, attack):
    server, began = sandbox.pid, time.monotonic()
    hostile = run(sandbox, ATTACKS[attack])
    assert hostile.output == b"", "it got through"
    # Threads burn the limit on all cores at once before anybody looks.
    assert hostile.cpu_seconds < (os.cpu_count() or 1) * LIMITS.cpu_seconds + 0.5
    assert time.monotonic() - began < 10
    honest = run(sandbox, HONEST)
    assert (honest.phase, honest.status, honest.output) == (zygote.RUNNING, 0, b"49\n")
    assert sandbox.pid == server


def test_two_programs_threads_are_counted_apart_where_the_kernel_can(sandboxes):
    """As root all threads of a user namespace count as root's, who has no limit."""
    found = sandboxes["root-namespaces" if os.getuid() == 0 else "user-namespaces"]
    if isinstance(found, SandboxError):
        pytest.skip(str(found))
    program = (
        "import _thread, os\nheld = _thread.allocate_lock()\nheld.acquire()\n_thread.stack_size(32768)\nstarted = 0\n"
        "try:\n    while started < 3000:\n        _thread.start_new_thread(held.acquire, ())\n        started += 1\n"
        "except RuntimeError:\n    pass\nprint(started, flush=True)\nos._exit(0)"
    )
    assert int(run(found, program).output) < zygote.THREADS


def test_a_wrong_program_is_never_accepted_and_an_honest_neighbour_never_pays(tmp_path):
    blobs = BlobStore(tmp_path / "blobs")
    numbers = (7, 8, 9)
    problem = Problem(
        slug="squares",
        title="Squares",
        statement="Print the square of n.",
        difficulty="easy",
        tags=(),
        cpu_seconds=0.3,
        memory_bytes=128 << 20,
        tests=tuple(
            TestCase(
                identifier=f"t{n}",
                group=1,
                input=blobs.put(f"{n}\n".encode()),
                output=blobs.put(f"{n * n}\n".encode()),
                size_bytes=2,
                reference_seconds=0.001,
                public=False,
            )
            for n in numbers
        ),
    )
    with Judge(JudgeLimits(workers=2, wall_factor=5), blobs) as judge:
        mixed = [
            Submission(text, problem) for attack in ATTACKS.values() for text in (attack, f"{HONEST}  # {hash(attack)}")
        ]
        found = [one.letters for one in judge.judge(mixed)]
    assert found[1::2] == ["AAA"] * len(ATTACKS)
    assert not [letters for letters in found[::2] if set(letters) & {"A", "I"}]


def test_a_flood_of_tokens_is_wrong_without_being_told_apart():
    assert not tokens(b"1 " * 500_000, b"1 2")
    assert not tokens(b"1 2 3", b"1 2")
    assert tokens(b" 1  2 \n", b"1 2")
    assert tokens(b"\n", b"")
