"""Run the family's own programs inside this process, to make answers and to calibrate. Never a model's program: there
is no isolation here, that is `compute.judge`."""

import io
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType
from typing import NamedTuple


class Run(NamedTuple):
    """`output` is None when the program was stopped at its limit."""

    output: str | None
    cpu_seconds: float


class _OutOfTime(BaseException):
    """A BaseException, so that a program cannot catch it by accident."""


@lru_cache(maxsize=256)
def _compiled(source: str) -> CodeType:
    return compile(source, "<program>", "exec")


def run_program(source: str, text: str, cpu_seconds: float | None = None) -> Run:
    """Run `source` on `text`; stop it after `cpu_seconds` of CPU time. A limit works in the main thread only.

    The program's own exceptions pass through."""
    code = _compiled(source)
    before_in, before_out = sys.stdin, sys.stdout
    out = io.StringIO()
    sys.stdin, sys.stdout = io.StringIO(text), out
    start = time.process_time()
    try:
        with _limited(cpu_seconds):
            exec(code, {"__name__": "__main__"})
        return Run(out.getvalue(), time.process_time() - start)
    except _OutOfTime:
        return Run(None, time.process_time() - start)
    finally:
        sys.stdin, sys.stdout = before_in, before_out


@contextmanager
def _limited(cpu_seconds: float | None) -> Iterator[None]:
    if cpu_seconds is None:
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
