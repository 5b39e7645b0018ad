"""How two checkpoints lie to one another, seen from their initialisation: arithmetic on three sums.

With d1 = low - start and d2 = high - start, the merge at alpha lies |(1-alpha) d1 + alpha d2| from the start, so three
sums (|d1|^2, |d2|^2, d1.d2) tell the distance at every alpha. They add up over tensors, hence over layers. The rounding
of a written merge to its type is not predicted. `compute.merging.geometry` takes the sums; nothing here reads weights.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
