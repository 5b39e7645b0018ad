"""What was used last, up to a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Recent(Generic[Kept]):
    """Values by key, made when they are missing. Safe to use from several threads.

    `make` gives a value and its size; the least recently used are dropped above `most_bytes`, one always stays.
    """

    def __init__(self, make: Callable[[str], tuple[Kept, int]], most_bytes: int) -> None:
        self._make, self._most_bytes = make, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Kept:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(key)
                self._bytes += self._kept[key][1]
            self._kept.move_to_end(key)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
            return self._kept[key][0]
