"""Averages of checkpoints for engines: what may be averaged, how far it lies from the start, and the average as a
folder where there is no other way."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compute.checkpoints import CheckpointFolder, describe
from compute.configs import Ingredient, MergeConfig
from compute.merging.geometry import fits, pair_geometry
from compute.merging.merge import run as merge
from compute.merging.refusals import refuse_mismatch, refuse_weights
from compute.stats.deltas import Geometry, in_total


class Averages:
    """Remembers the folders that were looked at, and how their deltas from `initialisation` lie to one another."""

    def __init__(self, initialisation: Path | None) -> None:
        self._initialisation = initialisation
        self._folders: dict[Path, CheckpointFolder] = {}
        self._pairs: dict[tuple[Path, Path], Geometry] = {}
        self._ingredients: tuple[Ingredient, ...] = ()

    def terms(self, ingredients: Sequence[Ingredient]) -> list[Ingredient]:
        """Those that take part. Raises MissingInput, MergeRefused."""
        refuse_weights(ingredients)
        folders = [self._described(ingredient.folder) for ingredient in ingredients]
        refuse_mismatch(folders, [ingredient.reference for ingredient in ingredients])
        self._ingredients = tuple(ingredients)
        return [ingredient for ingredient in ingredients if ingredient.weight != 0]

    def alarms(self) -> dict[str, float | None]:
        """`distance`: Euclidean, from the initialisation: sqrt(w' G w) for weights w that sum to 1, where G holds the
        products of the deltas; rounding to the weights' type is not counted. `cosine`: between two ingredients'
        deltas. None where undefined."""
        nothing: dict[str, float | None] = {"distance": None, "cosine": None}
        start, folders = self.start(), self.ingredient_folders()
        if start is None:
            return nothing
        # First the pair, which tells the squares of its ends as well: the files are read once.
        cosine = self._pair(start, *folders).cosine if len(folders) == 2 else None
        weights = [ingredient.weight for ingredient in self._ingredients]
        square = math.fsum(
            one_weight * other_weight * self._product(start, one, other)
            for one, one_weight in zip(folders, weights, strict=True)
            for other, other_weight in zip(folders, weights, strict=True)
        )
        return {"distance": math.sqrt(max(square, 0.0)), "cosine": cosine}

    def start(self) -> CheckpointFolder | None:
        """The initialisation, where there is one of the architecture of the ingredients set last."""
        if self._initialisation is None or not self._ingredients:
            return None
        start = self._described(self._initialisation)
        return start if all(fits(start, folder) for folder in self.ingredient_folders()) else None

    def ingredient_folders(self) -> list[CheckpointFolder]:
        return [self._folders[ingredient.folder] for ingredient in self._ingredients]

    def _described(self, path: Path) -> CheckpointFolder:
        if path not in self._folders:
            self._folders[path] = describe(path)
        return self._folders[path]

    def _product(self, start: CheckpointFolder, one: CheckpointFolder, other: CheckpointFolder) -> float:
        """Of two deltas. A delta's own square is taken from any pair that was looked at."""
        if one.path == other.path:
            for (first, second), pair in self._pairs.items():
                if one.path in (first, second):
                    return pair.low_square if one.path == first else pair.high_square
        return self._pair(start, one, other).product

    def _pair(self, start: CheckpointFolder, one: CheckpointFolder, other: CheckpointFolder) -> Geometry:
        low, high = sorted((one, other), key=lambda folder: folder.path)
        key = (low.path, high.path)
        if key not in self._pairs:
            self._pairs[key] = in_total(pair_geometry(start, low, high).values())
        return self._pairs[key]


@contextmanager
def materialised(ingredients: Sequence[Ingredient]) -> Iterator[Path]:
    """The average as a checkpoint folder that is gone afterwards. Raises MergeRefused, StorageError."""
    with tempfile.TemporaryDirectory(prefix="frontier-average-") as scratch:
        folder = Path(scratch) / "average"
        config = MergeConfig(reference="average", folder=folder, ingredients=tuple(ingredients))
        merge(config, lambda event: None, lambda: False)
        yield folder
