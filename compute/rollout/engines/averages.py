"""Averages of checkpoints for engines whose model lives in another process: what may be averaged, how far it lies from
the start, and the average as a folder where there is no other way."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compute.checkpoints import CheckpointFolder, describe, read_tensors
from compute.configs import Ingredient, MergeConfig
from compute.merging.merge import run as merge
from compute.merging.refusals import refuse_mismatch, refuse_weights


class Averages:
    """Remembers the folders that were looked at, and the products of their deltas from `initialisation`."""

    def __init__(self, initialisation: Path | None) -> None:
        self._initialisation = initialisation
        self._folders: dict[Path, CheckpointFolder] = {}
        self._products: dict[tuple[Path, Path], float | None] = {}
        self._ingredients: tuple[Ingredient, ...] = ()

    def terms(self, ingredients: Sequence[Ingredient]) -> list[Ingredient]:
        """Those that take part. Raises MissingInput, MergeRefused."""
        refuse_weights(ingredients)
        for ingredient in ingredients:
            if ingredient.folder not in self._folders:
                self._folders[ingredient.folder] = describe(ingredient.folder)
        refuse_mismatch([self._folders[i.folder] for i in ingredients], [i.reference for i in ingredients])
        self._ingredients = tuple(ingredients)
        return [ingredient for ingredient in ingredients if ingredient.weight != 0]

    def alarms(self) -> dict[str, float | None]:
        """`distance`: Euclidean, from the initialisation: sqrt(w' G w) for weights w that sum to 1, where G holds the
        products of the deltas. `cosine`: between two ingredients' deltas. None where undefined."""
        nothing: dict[str, float | None] = {"distance": None, "cosine": None}
        if self._initialisation is None or not self._ingredients:
            return nothing
        folders = [ingredient.folder for ingredient in self._ingredients]
        products = [[self._product(one, other) for other in folders] for one in folders]
        gram = [[value for value in row if value is not None] for row in products]
        if any(len(row) < len(folders) for row in gram):
            return nothing
        weights = [ingredient.weight for ingredient in self._ingredients]
        square = math.fsum(a * b * gram[i][j] for i, a in enumerate(weights) for j, b in enumerate(weights))
        norm = math.sqrt(gram[0][0] * gram[1][1]) if len(folders) == 2 else 0.0
        return {"distance": math.sqrt(max(square, 0.0)), "cosine": gram[0][1] / norm if norm > 0 else None}

    def _product(self, one: Path, other: Path) -> float | None:
        key = (min(one, other), max(one, other))
        if key not in self._products:
            assert self._initialisation is not None
            self._products[key] = product_of_deltas(self._initialisation, *key)
        return self._products[key]


def product_of_deltas(start: Path, one: Path, two: Path) -> float | None:
    """Inner product of two checkpoints' differences from `start`; None when `start` is of another architecture."""
    origin, first, second = read_tensors(start), read_tensors(one), read_tensors(two)
    if any(name not in first or first[name].shape != tensor.shape for name, tensor in origin.items()):
        return None
    total = 0.0
    for name, tensor in origin.items():
        delta, other = (first[name].float() - tensor.float()).double(), (second[name].float() - tensor.float()).double()
        total += float((delta * other).sum())
    return total


@contextmanager
def materialised(ingredients: Sequence[Ingredient]) -> Iterator[Path]:
    """The average as a checkpoint folder that is gone afterwards. Raises MergeRefused, StorageError."""
    with tempfile.TemporaryDirectory(prefix="frontier-average-") as scratch:
        folder = Path(scratch) / "average"
        config = MergeConfig(reference="average", folder=folder, ingredients=tuple(ingredients))
        merge(config, lambda event: None, lambda: False)
        yield folder
