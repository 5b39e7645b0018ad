"""From what the kernel says of a run to a verdict, by what happened first in the life of a program.

Comparing an output is left to a checker: a run that came to a good end has no ruling here.
"""

import os
import signal
from typing import NamedTuple

from compute.judge import zygote
from compute.judge.languages.language import Language
from compute.judge.outcome import STARVED
from compute.judge.quiet import load_per_core
from compute.judge.sandbox import Run
from compute.judge.verdict import Verdict

# A program that gets its fair share of a core reaches its CPU limit before the wall limit unless as many processes as
# this share of the wall factor want each core, besides the judge's own worker.
_TOO_LOADED = 0.5
_WANTED_SHARE = 0.3


class Ruling(NamedTuple):
    """The verdict and the rule that fired, as it is shown."""

    letter: Verdict
    rule: str


class Bounds(NamedTuple):
    """What a run is judged by; `wall_factor` is the wall limit over the CPU limit."""

    cpu_seconds: float
    memory_bytes: int
    output_bytes: int
    wall_factor: float


def ruling_on(run: Run, bounds: Bounds, language: Language) -> Ruling | None:
    """What happened to a run that did not end well; None where its output has to be compared."""
    killed_from_outside = os.WIFSIGNALED(run.status) and os.WTERMSIG(run.status) == signal.SIGKILL
    if run.phase == zygote.SETTING_UP or (run.phase == zygote.COMPILING and run.killed == "wall"):
        return Ruling(Verdict.INFRASTRUCTURE, "could not start")
    if run.phase == zygote.COMPILING:
        if killed_from_outside and not run.killed:
            return Ruling(Verdict.INFRASTRUCTURE, "killed from outside")
        return Ruling(Verdict.COMPILE_ERROR, "compiler")
    if run.memory_bytes > bounds.memory_bytes:
        # Before the time: what grew beyond its memory did so before it was stopped.
        return Ruling(Verdict.MEMORY_LIMIT, "peak memory")
    if run.cpu_seconds > bounds.cpu_seconds:
        return Ruling(Verdict.TIME_LIMIT, "cpu")
    if run.killed == "wall":
        return _at_the_wall(run, bounds)
    if run.output_bytes >= bounds.output_bytes:
        return Ruling(Verdict.OUTPUT_LIMIT, "output")
    if killed_from_outside:
        # Programs cannot send signals, so the kernel did, or a person.
        if run.over_cgroup:
            return Ruling(Verdict.MEMORY_LIMIT, "cgroup memory")
        return Ruling(Verdict.INFRASTRUCTURE, "killed from outside")
    if run.status:
        if language.ran_out_of_memory(run.error_output):
            return Ruling(Verdict.MEMORY_LIMIT, "refused memory")
        return Ruling(Verdict.RUN_TIME_ERROR, how_it_ended(run.status))
    return None


def _at_the_wall(run: Run, bounds: Bounds) -> Ruling:
    """The wall limit only guards against sleeping. One wait is a program's end: one that never gave up the processor
    did not sleep, the machine starved it. On a machine too busy to give it its limit, one that took what it could get
    may have been starved as well; one that took far less than its fair share slept."""
    fair_seconds = run.wall_seconds / (1 + load_per_core())
    if run.waits <= 1 or (too_loaded(bounds) and run.cpu_seconds > _WANTED_SHARE * fair_seconds):
        return Ruling(Verdict.INFRASTRUCTURE, STARVED)
    return Ruling(Verdict.TIME_LIMIT, "wall")


def too_loaded(bounds: Bounds) -> bool:
    """Whether this host is too busy to tell a program that sleeps from one that waits for the processor."""
    return load_per_core() > 1 + _TOO_LOADED * bounds.wall_factor


def how_it_ended(status: int) -> str:
    """A wait status in words: "exit 3", "signal 11"."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.waitstatus_to_exitcode(status)}"
