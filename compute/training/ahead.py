"""Judge answers while others are still being sampled.

One thread hands the judge whatever has ended meanwhile. A verdict depends on the program alone, so it does not matter
when it is asked for; what overlaps is the judge's workers and the sampler.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from compute.training.rewards import Scored

Key = tuple[int, tuple[int, ...]]
"""A problem's place and an answer's tokens."""


class JudgingAhead:
    """Collects what is to be judged. `busy_seconds`: how long the judge has worked ahead, in all."""

    def __init__(self, score: Callable[[Sequence[Key]], Sequence[Scored]]) -> None:
        self._score = score
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="judging-ahead")
        self._lock = threading.Lock()
        self._waiting: list[Key] = []
        self._begun: set[Key] = set()
        self._batches: list[Future[dict[Key, Scored]]] = []
        self._found: dict[Key, Scored] = {}
        self.busy_seconds = 0.0

    def begin(self, key: Key) -> None:
        """Have an answer judged soon; an equal one is judged already."""
        if key in self._begun:
            return
        self._begun.add(key)
        with self._lock:
            self._waiting.append(key)
        self._batches.append(self._pool.submit(self._judge_waiting))

    def scores(self, keys: Sequence[Key]) -> list[Scored]:
        """The scores of these answers, once all that was begun is judged. Raises what the judge does, and then all is
        forgotten."""
        for key in keys:
            self.begin(key)
        batches, self._batches = self._batches, []
        try:
            for batch in batches:
                self._found |= batch.result()
        except BaseException:
            self._forget()
            raise
        return [self._found[key] for key in keys]

    def take(self, keys: Sequence[Key]) -> list[Scored]:
        """The same; all that was begun is forgotten."""
        found = self.scores(keys)
        self._forget()
        return found

    def _forget(self) -> None:
        self._begun.clear()
        self._found.clear()

    def _judge_waiting(self) -> dict[Key, Scored]:
        with self._lock:
            keys, self._waiting = self._waiting, []
        if not keys:
            return {}
        started = time.monotonic()
        scores = self._score(keys)
        self.busy_seconds += time.monotonic() - started
        return dict(zip(keys, scores, strict=True))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
