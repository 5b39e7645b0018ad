"""How two checkpoints lie to one another, seen from their initialisation, without running them.

With d1 = low - start and d2 = high - start, the merge at alpha lies |(1-alpha) d1 + alpha d2| from the start, so three
sums (|d1|^2, |d2|^2, d1.d2) tell the distance at every alpha. They are taken piece by piece in float64 from float32
differences and add up over tensors, hence over layers. The rounding of a written merge to its type is not predicted.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from compute.checkpoints import CheckpointFolder
from compute.merging.tied import first_copy, independent_tensors

LAYER = re.compile(r"(?P<layer>.*?\b(?:layers?|h|blocks?)\.\d+)\.")


@dataclass(frozen=True)
class Geometry:
    """Squares of the lengths of the two deltas, their inner product, and how many numbers they have."""

    low_square: float
    high_square: float
    product: float
    count: int

    def __add__(self, other: "Geometry") -> "Geometry":
        return Geometry(
            self.low_square + other.low_square,
            self.high_square + other.high_square,
            self.product + other.product,
            self.count + other.count,
        )

    @property
    def low_norm(self) -> float:
        return math.sqrt(self.low_square)

    @property
    def high_norm(self) -> float:
        return math.sqrt(self.high_square)

    @property
    def cosine(self) -> float | None:
        """None where a delta is zero."""
        norms = self.low_norm * self.high_norm
        return max(-1.0, min(1.0, self.product / norms)) if norms > 0 else None

    @property
    def gap(self) -> float:
        """The distance between the two."""
        return math.sqrt(max(0.0, self.low_square + self.high_square - 2 * self.product))

    def distance(self, alpha: float) -> float:
        """Of (1-alpha) low + alpha high from the start."""
        low, high = 1 - alpha, alpha
        square = low * low * self.low_square + high * high * self.high_square + 2 * low * high * self.product
        return math.sqrt(max(0.0, square))


NOTHING = Geometry(0.0, 0.0, 0.0, 0)


def pair_geometry(start: CheckpointFolder, low: CheckpointFolder, high: CheckpointFolder) -> dict[str, Geometry]:
    """By tensor, in the order of the start's files; a tied tensor counts once, and integers do not.

    The three have to fit (`compute.merging.refusals.refuse_mismatch`). Needs some pieces of memory.
    """
    return dict(_by_tensor(start, low, high))


def by_layer(tensors: Mapping[str, Geometry]) -> dict[str, Geometry]:
    """Sums over what belongs to one layer ("model.layers.3"); a tensor outside of all layers stands for itself."""
    layers: dict[str, Geometry] = {}
    for name, geometry in tensors.items():
        match = LAYER.match(name)
        layer = match["layer"] if match else name.removesuffix(".weight")
        layers[layer] = layers.get(layer, NOTHING) + geometry
    return layers


def in_total(tensors: Iterable[Geometry]) -> Geometry:
    return sum(tensors, NOTHING)


def _by_tensor(
    start: CheckpointFolder, low: CheckpointFolder, high: CheckpointFolder
) -> Iterator[tuple[str, Geometry]]:
    from compute.merging.methods import delta
    from compute.merging.streams import FLOATS, Inputs, spans

    folders = (start, low, high)
    with ExitStack() as stack:
        inputs = Inputs(stack)
        for name, place in independent_tensors(start).items():
            if place.dtype not in FLOATS:
                continue
            size, dtype = place.stop - place.start, FLOATS[place.dtype]
            total = Geometry(0.0, 0.0, 0.0, size // dtype.itemsize)
            places = [folder.tensors[first_copy(folder, name)] for folder in folders]
            for offset, length in spans(size):
                origin, *ends = (
                    inputs.read(slot, folder.path, place, offset, length).view(dtype)
                    for slot, (folder, place) in enumerate(zip(folders, places, strict=True))
                )
                one, other = (delta(end, origin).double() for end in ends)
                total += Geometry(float(one @ one), float(other @ other), float(one @ other), 0)
            yield name, total
