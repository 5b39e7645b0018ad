"""What a merge reads, piece by piece, and what it needs to know of a checkpoint for that. Without torch.

Memory is some pieces an ingredient, whatever the size of a tensor.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compute.checkpoints import CheckpointFolder, TensorPlace
from compute.errors import MissingInput
from compute.merging.adapters import Adapter
from compute.merging.parts import Weights

# Small enough that a piece of every ingredient and the sum stay in the processor's cache.
PIECE_BYTES = 1 << 19
Bytes = NDArray[np.uint8]
Combine = Callable[[int, Bytes], None]
"""Fill a piece of the result, raw bytes, from an offset in bytes within its tensor."""
Read = Callable[[int, int], Bytes]
"""Bytes of a tensor, by offset and length; valid until the slot's next read."""


class Materials(NamedTuple):
    """`source` gives the result its files, headers and types; `weights` has a row for each of its tensors."""

    source: CheckpointFolder
    ingredients: tuple[CheckpointFolder | Adapter, ...]
    base: CheckpointFolder | None
    weights: dict[str, Weights]


class Inputs:
    """Reads pieces of tensors into buffers that are used again, one a slot; files stay open until the stack closes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._files: dict[Path, int] = {}
        self._buffers: dict[int, Bytes] = {}

    def reader(self, slot: int, folder: Path, place: TensorPlace) -> Read:
        path = folder / place.file
        if path not in self._files:
            self._files[path] = self._stack.enter_context(path.open("rb", buffering=0)).fileno()
        if slot not in self._buffers:
            self._buffers[slot] = np.empty(PIECE_BYTES, np.uint8)
        file, buffer, view = self._files[path], self._buffers[slot], self._buffers[slot].data

        def read(offset: int, length: int) -> Bytes:
            done = 0
            while done < length:
                count = os.preadv(file, [view[done:length]], place.start + offset + done)
                if count == 0:
                    raise MissingInput(f"{path} became shorter while it was read.")
                done += count
            return buffer[:length]

        return read


def spans(size: int) -> Iterator[tuple[int, int]]:
    """Offset and length of each piece of `size` bytes."""
    return ((offset, min(PIECE_BYTES, size - offset)) for offset in range(0, size, PIECE_BYTES))
