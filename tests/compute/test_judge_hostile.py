"""What the cases of `tests/judge_cases` cannot say of hostile programs: who counts their threads, and what comparing a
flood of output costs."""

import contextlib
import os

import pytest

from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.checkers import tokens
from compute.judge.sandbox import RunLimits, SealedFile, open_sandbox

LIMITS = RunLimits(cpu_seconds=0.3, wall_seconds=2, memory_bytes=128 << 20, output_bytes=1 << 20)


def test_two_programs_threads_are_counted_apart_where_the_kernel_can():
    """As root all threads of a user namespace count as root's, who has no limit."""
    layer = "root-namespaces" if os.getuid() == 0 else "user-namespaces"
    program = (
        b"import _thread, os\nheld = _thread.allocate_lock()\nheld.acquire()\n_thread.stack_size(32768)\nstarted = 0\n"
        b"try:\n    while started < 3000:\n        _thread.start_new_thread(held.acquire, ())\n        started += 1\n"
        b"except RuntimeError:\n    pass\nprint(started, flush=True)\nos._exit(0)"
    )
    try:
        sandbox = open_sandbox(layers=[layer])
    except SandboxError as error:
        pytest.skip(str(error))
    with contextlib.closing(sandbox), SealedFile(program) as source, SealedFile(b"") as stdin:
        run = sandbox.run(source, [stdin], LIMITS)[0]
    assert int(run.output) < zygote.THREADS


def test_a_flood_of_tokens_is_wrong_without_being_told_apart():
    assert not tokens(b"1 " * 500_000, b"1 2")
    assert not tokens(b"1 2 3", b"1 2")
    assert tokens(b" 1  2 \n", b"1 2")
    assert tokens(b"\n", b"")
