"""Event lines as they come, parsed in a thread of their own while the last batch is being stored.

For a child's standard output and for a file alike. Parsing overlaps with the database's work, and what waits together
is handed on together, so that one transaction serves it. Knows no rows.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from typing import IO, NamedTuple

from compute.errors import ConfigError
from compute.events import MAX_LINE_BYTES, AnyEvent, parse_event

WAITING_EVENTS = 64
READ_BYTES = 1 << 20
ALLOCATIONS_A_COLLECTION = 200_000


class Parsed(NamedTuple):
    """refused: a sentence for each line that is no event."""

    events: list[AnyEvent]
    refused: list[str]


class EventStream:
    """Reads `stream` to its end and closes it. A slow reader holds the writer back."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._waiting: Queue[AnyEvent | str | None] = Queue(WAITING_EVENTS)
        threading.Thread(target=self._read, name=name, daemon=True).start()

    def batches(self, every_seconds: float) -> Iterator[Parsed]:
        """Until the end of the stream: what came together, or nothing after `every_seconds` of silence."""
        ended = False
        while not ended:
            batch = Parsed([], [])
            try:
                ended = self._take(batch, every_seconds)
                while not ended and len(batch.events) < WAITING_EVENTS:
                    ended = self._take(batch, 0)
            except Empty:
                pass
            yield batch

    def _take(self, batch: Parsed, seconds: float) -> bool:
        """Add what comes within `seconds` to the batch. Returns whether it was the end; raises Empty."""
        one = self._waiting.get(block=seconds > 0, timeout=seconds or None)
        if isinstance(one, str):
            batch.refused.append(one)
        elif one is not None:
            batch.events.append(one)
        return one is None

    def _read(self) -> None:
        with self._stream as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                    _skip_line(stream)
                if line.strip():
                    try:
                        self._waiting.put(parse_event(line))
                    except ConfigError as error:
                        self._waiting.put(str(error))
        self._waiting.put(None)


def _skip_line(stream: IO[bytes]) -> None:
    """What is left of a line that is refused for its length: no part of it may pass for a line of its own."""
    while (rest := stream.readline(READ_BYTES)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """For a process that does nothing but this: events hold no cycles, and the garbage collector, looking for some in
    a hundred thousand new objects a second, took two thirds of the parsing time."""
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS_A_COLLECTION, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
