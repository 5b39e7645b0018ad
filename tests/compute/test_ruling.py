"""From a run to its verdict: which rule comes first."""

from dataclasses import replace
from signal import SIGKILL, SIGSEGV, SIGXFSZ

import pytest

from compute.judge import zygote
from compute.judge.languages import LANGUAGES
from compute.judge.outcome import STARVED
from compute.judge.ruling import Bounds, ruling_on
from compute.judge.sandbox import Run

BOUNDS = Bounds(cpu_seconds=1.0, memory_bytes=100, output_bytes=1000, wall_factor=10)
# Of a wait status: an exit status stands in its second byte, the signal that ended a process in its first.
EXIT_1 = 1 << 8


def ended(**changes):
    """A run that ended well, with changes."""
    run = Run(zygote.RUNNING, 0, "", 0.1, 0.1, memory_bytes=50, waits=5, output=b"", error_output=b"", output_bytes=0)
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("changes", "ruling"),
    [
        ({}, None),
        ({"cpu_seconds": 1.01}, ("T", "cpu")),
        ({"memory_bytes": 101}, ("M", "peak memory")),
        ({"memory_bytes": 101, "cpu_seconds": 1.3, "status": SIGKILL, "killed": "cpu"}, ("M", "peak memory")),
        ({"output_bytes": 1000, "status": SIGXFSZ}, ("O", "output")),
        ({"status": 3 * EXIT_1}, ("R", "exit 3")),
        ({"status": SIGSEGV}, ("R", "signal 11")),
        ({"status": EXIT_1, "error_output": b"Traceback\nMemoryError\n"}, ("M", "refused memory")),
        ({"status": SIGKILL}, ("I", "killed from outside")),
        ({"status": SIGKILL, "over_cgroup": True}, ("M", "cgroup memory")),
        ({"status": SIGKILL, "killed": "wall", "waits": 1}, ("I", STARVED)),
        ({"phase": zygote.SETTING_UP, "status": EXIT_1}, ("I", "could not start")),
        ({"phase": zygote.COMPILING, "status": EXIT_1}, ("C", "compiler")),
        ({"phase": zygote.COMPILING, "status": SIGKILL}, ("I", "killed from outside")),
    ],
)
def test_the_first_rule_that_fired_is_the_verdict(changes, ruling):
    assert ruling_on(ended(**changes), BOUNDS, LANGUAGES["python"]) == ruling
