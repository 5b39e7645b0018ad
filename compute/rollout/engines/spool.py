"""Finished answers on disk, so that an evaluation that was killed asks for none of them twice.

One JSON line an answer, appended as soon as it is there. A line that was cut off is dropped when the file is opened
again. It does not survive a power failure: nothing is synced to the device.
"""

import json
from contextlib import suppress
from pathlib import Path

from compute.rollout.engines import Completion


class Spool:
    """`path` None keeps answers in memory alone. One process at a time."""

    def __init__(self, path: Path | None) -> None:
        self._known: dict[str, Completion] = {}
        self._file = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            with suppress(ValueError):  # a disk that was full for a moment leaves half a line
                identity, completion = json.loads(line)
                self._known[identity] = _completion(completion)
        self._file.truncate(whole)

    def get(self, identity: str) -> Completion | None:
        return self._known.get(identity)

    def put(self, identity: str, completion: Completion) -> None:
        self._known[identity] = completion
        if self._file is not None:
            self._file.write(json.dumps([identity, completion._asdict()]).encode() + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _completion(data: dict[str, object]) -> Completion:
    completion = Completion(**data)  # type: ignore[arg-type]  # written by `put`
    drawn = completion.log_probabilities
    return completion._replace(log_probabilities=None if drawn is None else tuple(drawn))
