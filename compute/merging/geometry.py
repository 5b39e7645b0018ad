"""The deltas of a pair of checkpoints, read without running them: the three sums of `compute.stats.deltas` by tensor.

They are taken piece by piece in float64 from float32 differences, so that memory is some pieces whatever the model.
`run` is the runner of `geometry` jobs.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from compute.checkpoints import CheckpointFolder, describe, refuse_changed
from compute.configs import CheckpointSource, GeometryConfig
from compute.errors import Cancelled
from compute.events import DeltaSums, Event, GeometryMeasured, Progress
from compute.merging import pieces
from compute.merging.pieces import Inputs
from compute.merging.refusals import refuse_mismatch
from compute.merging.tied import first_copy, independent_tensors
from compute.stats.deltas import Geometry, by_layer

if TYPE_CHECKING:
    from torch import Tensor

SECONDS_BETWEEN_EVENTS = 0.5
# In float64, two pieces of so many stay in the processor's cache.
NUMBERS_AT_ONCE = 1 << 16


def run(config: GeometryConfig, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> dict[str, object]:
    """Measure a pair, layer by layer. Raises MissingInput, MergeRefused, Cancelled."""
    folders = [_described(one) for one in (config.base, config.low, config.high)]
    refuse_mismatch(folders, [one.reference for one in (config.base, config.low, config.high)])
    total, done, sums = folders[0].size_bytes, 0, {}
    next_event = time.monotonic()
    for name, one in _by_tensor(*folders):
        sums[name] = one
        done += folders[0].tensors[name].stop - folders[0].tensors[name].start
        if time.monotonic() >= next_event:
            if cancelled():
                raise Cancelled("The reading was cancelled.")
            next_event = time.monotonic() + SECONDS_BETWEEN_EVENTS
            emit(Progress(stage="geometry", done=done / 1e6, total=total / 1e6, unit="MB"))
    layers = by_layer(sums)
    emit(
        GeometryMeasured(
            low=config.low.reference,
            high=config.high.reference,
            base=config.base.reference,
            layers=tuple(DeltaSums(layer=name, **vars(one)) for name, one in layers.items()),
        )
    )
    return {"layers": len(layers), "tensors": len(sums)}


def _described(one: CheckpointSource) -> CheckpointFolder:
    folder = describe(one.folder)
    refuse_changed(folder, one.sha256)
    return folder


def pair_geometry(start: CheckpointFolder, low: CheckpointFolder, high: CheckpointFolder) -> dict[str, Geometry]:
    """By tensor, in the order of the start's files; a tied tensor counts once, and integers do not.

    The three have to fit (`fits`, or `compute.merging.refusals.refuse_mismatch`). Needs some pieces of memory.
    """
    return dict(_by_tensor(start, low, high))


def fits(start: CheckpointFolder, end: CheckpointFolder) -> bool:
    """Whether an end has every tensor of the start, of the same shape; types may differ."""
    stored = [(place.shape, first_copy(end, name)) for name, place in independent_tensors(start).items()]
    return all(name in end.tensors and end.tensors[name].shape == shape for shape, name in stored)


def _by_tensor(
    start: CheckpointFolder, low: CheckpointFolder, high: CheckpointFolder
) -> Iterator[tuple[str, Geometry]]:
    import torch

    from compute.merging.streams import FLOATS

    folders = (start, low, high)
    with ExitStack() as stack:
        inputs = Inputs(stack)
        for name in independent_tensors(start):
            places = [folder.tensors[first_copy(folder, name)] for folder in folders]
            if any(place.dtype not in FLOATS for place in places):
                continue
            types = [FLOATS[place.dtype] for place in places]
            readers = [
                inputs.reader(slot, folder.path, place)
                for slot, (folder, place) in enumerate(zip(folders, places, strict=True))
            ]
            count = math.prod(places[0].shape)
            numbers = max(1, min(NUMBERS_AT_ONCE, pieces.PIECE_BYTES // max(dtype.itemsize for dtype in types)))
            total = Geometry(0.0, 0.0, 0.0, count)
            for first in range(0, count, numbers):
                here = min(numbers, count - first)
                origin, *ends = (
                    torch.from_numpy(read(first * dtype.itemsize, here * dtype.itemsize)).view(dtype)
                    for read, dtype in zip(readers, types, strict=True)
                )
                total += _piece(origin, *ends)
            yield name, total


def tensor_geometry(origin: "Tensor", one: "Tensor", other: "Tensor") -> Geometry:
    """Of three tensors in memory, of one shape; likewise piece by piece."""
    flat = [tensor.detach().cpu().flatten().split(NUMBERS_AT_ONCE) for tensor in (origin, one, other)]
    return sum((_piece(*piece) for piece in zip(*flat, strict=True)), Geometry(0.0, 0.0, 0.0, origin.numel()))


def _piece(origin: "Tensor", one: "Tensor", other: "Tensor") -> Geometry:
    from compute.merging.methods import delta

    first, second = delta(one, origin).double(), delta(other, origin).double()
    return Geometry(float(first @ first), float(second @ second), float(first @ second), 0)
