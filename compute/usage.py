"""What a running job uses: a thread that says every few seconds how busy its devices are and where its time went.

A process runs one job, so there is one `SPENT` a process, to which the parts of a job add what they took. Tokens and
seconds are sums since the start: a reader takes differences, and a lost event loses nothing.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from compute import devices
from compute.devices import Processes, Reading
from compute.events import DeviceUsage, Event, Usage

EVERY_SECONDS = 5.0
WATCHED = ("pretrain", "train", "merge", "evaluate")
Part = Literal["generation", "judging", "learning"]


class Sums(NamedTuple):
    """Since the start of the job. Parts that run side by side may add up to more than the time that passed."""

    tokens: int
    generation: float
    judging: float
    learning: float


class Spent:
    """Tokens sampled and seconds by part. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = 0
        self._seconds: defaultdict[Part, float] = defaultdict(float)

    def add(self, part: Part, seconds: float, tokens: int = 0) -> None:
        with self._lock:
            self._seconds[part] += seconds
            self._tokens += tokens

    def sums(self) -> Sums:
        with self._lock:
            of = self._seconds
            return Sums(self._tokens, of["generation"], of["judging"], of["learning"])


SPENT = Spent()


@contextmanager
def watched(emit: Callable[[Event], None], kind: str, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Report the use of devices while the block runs, and once where it ends well. Of several processes of one training
    only the first is heard, so only it looks."""
    if kind not in WATCHED or os.environ.get("RANK", "0") != "0":
        yield
        return
    watch = _Watch(emit)
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(every_seconds):
            watch.report()

    thread = threading.Thread(target=look, name="usage", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    watch.report()


class _Watch:
    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._started = time.monotonic()
        self._processes = Processes(os.getpid(), len(os.sched_getaffinity(0)), time.monotonic)

    def report(self) -> None:
        readings = devices.accelerators() or [self._processes.read()]
        sums = SPENT.sums()
        self._emit(
            Usage(
                seconds=time.monotonic() - self._started,
                devices=tuple(_said(reading) for reading in readings),
                tokens=sums.tokens,
                generation_seconds=sums.generation,
                judging_seconds=sums.judging,
                learning_seconds=sums.learning,
            )
        )


def _said(reading: Reading) -> DeviceUsage:
    return DeviceUsage(
        name=reading.device.name,
        memory_bytes=reading.device.memory_bytes,
        used_bytes=reading.used_bytes,
        utilisation=reading.utilisation,
    )
