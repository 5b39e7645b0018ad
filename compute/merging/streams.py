"""One tensor at a time, one piece of it at a time: which bytes a merge method has to read, and how often.

Memory is some pieces an ingredient, whatever the size of a tensor. linear, soup, task_arithmetic and dare read once.
slerp reads twice (the angle first), ties three times (two histograms for a delta's trim threshold, then the merge).
An adapter's factors of one tensor are held as a whole; they are of low rank.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from compute.checkpoints import CheckpointFolder
from compute.configs import MergeConfig
from compute.merging import methods
from compute.merging.adapters import Adapter
from compute.merging.pieces import Bytes, Combine, Inputs, Materials, Read, spans
from compute.merging.tied import first_copy

FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}
Fill = Callable[[int, Tensor], None]
"""As `pieces.Combine`, for a tensor of bytes."""


class Term(NamedTuple):
    """A difference from the base: `of(first, start)` gives its float32 entries from `first` for a piece of the base."""

    of: Callable[[int, Tensor], Tensor]
    weight: float
    place: int


def combine(config: MergeConfig, materials: Materials, inputs: Inputs, name: str) -> Combine:
    """How to make one tensor of the result. What has to be known of the whole tensor is read here."""
    fill = _Tensor(config, materials, inputs, name).combine()

    def combined(offset: int, out: Bytes) -> None:
        fill(offset, torch.from_numpy(out))

    return combined


class _Tensor:
    """One tensor of a merge. Readers take an offset and a length in bytes and give typed pieces."""

    def __init__(self, config: MergeConfig, materials: Materials, inputs: Inputs, name: str) -> None:
        place = materials.source.tensors[name]
        self.config, self.materials, self.inputs, self.name = config, materials, inputs, name
        self.known_as = first_copy(materials.source, name)
        self.size = place.stop - place.start
        self.dtype = FLOATS.get(place.dtype, torch.uint8)
        self.weights = materials.weights[name]
        self._readers: dict[tuple[int, Path], Read] = {}

    def combine(self) -> Fill:
        whole = [(one, weight) for one, weight in self._whole() if weight != 0]
        if self.materials.base is None:
            weights = [weight for _, weight in whole]
            if self.config.method == "slerp" and len(whole) == 2 and self.dtype.is_floating_point:
                weights = self._slerp_weights([one for one, _ in whole], weights[1])
            return partial(self._linear, [one for one, _ in whole], weights)
        if not self.dtype.is_floating_point:  # alike in all, or refused
            everybody = [self.materials.base, *(one for one, _ in self._whole())]
            return partial(self._linear, everybody, [1 / len(everybody)] * len(everybody))
        terms = list(self._terms())
        if self.config.method == "task_arithmetic" and [t.weight for t in terms] == [1.0] and len(whole) == 1:
            return partial(self._linear, [whole[0][0]], [1.0])  # that ingredient, bit for bit
        if not terms:
            return partial(self._linear, [self.materials.base], [1.0])
        return self._from_base(terms)

    def _from_base(self, terms: Sequence[Term]) -> Fill:
        weights = [term.weight for term in terms]
        if self.config.method == "task_arithmetic":
            return partial(self._moved, terms, partial(methods.task_arithmetic, coefficients=weights))
        density = self.config.density or 1.0
        if self.config.method == "dare":
            keys = [methods.mask_key(self.config.seed, term.place, self.known_as) for term in terms]
            return partial(
                self._thinned, terms, partial(methods.dare, coefficients=weights, density=density, keys=keys)
            )
        thresholds = [self._threshold(term, density) for term in terms]
        ties = partial(methods.ties, weights=weights, thresholds=thresholds, scale=self.config.scale)
        return partial(self._moved, terms, ties)

    def _linear(self, folders: Sequence[CheckpointFolder], weights: Sequence[float], offset: int, out: Tensor) -> None:
        pieces = [self._read(slot, folder, offset, len(out)) for slot, folder in enumerate(folders)]
        methods.linear(pieces, weights, out=out.view(self.dtype), name=self.name)

    def _moved(self, terms: Sequence[Term], method: Callable[..., Tensor], offset: int, out: Tensor) -> None:
        start, first = self._start(offset, len(out)), offset // self.dtype.itemsize
        method(start, [term.of(first, start) for term in terms], out=out.view(self.dtype))

    def _thinned(self, terms: Sequence[Term], dare: Callable[..., Tensor], offset: int, out: Tensor) -> None:
        """Whether an entry stays depends on its place in the tensor."""
        self._moved(terms, partial(dare, first=offset // self.dtype.itemsize), offset, out)

    def _whole(self) -> Iterator[tuple[CheckpointFolder, float]]:
        for one, weight in zip(self.materials.ingredients, self.weights, strict=True):
            if isinstance(one, CheckpointFolder):
                yield one, weight

    def _terms(self) -> Iterator[Term]:
        """The differences that count: of a weight, and touched where they are an adapter's."""
        for place, (one, weight) in enumerate(zip(self.materials.ingredients, self.weights, strict=True)):
            if weight == 0:
                continue
            if isinstance(one, CheckpointFolder):
                yield Term(partial(self._difference, place + 1, one), weight, place)
            elif self.known_as in one.factors:
                yield Term(partial(self._low_rank, one), weight, place)

    def _difference(self, slot: int, folder: CheckpointFolder, first: int, start: Tensor) -> Tensor:
        size = self.dtype.itemsize
        return methods.delta(self._read(slot, folder, first * size, len(start) * size), start)

    def _low_rank(self, adapter: Adapter, first: int, start: Tensor) -> Tensor:
        return adapter.delta(self.known_as, first, len(start))

    def _threshold(self, term: Term, density: float) -> float:
        count = self.size // self.dtype.itemsize
        if density == 1 or count == 0:
            return 0.0
        size = self.dtype.itemsize
        return methods.kth_magnitude(
            lambda: (term.of(offset // size, self._start(offset, length)) for offset, length in spans(self.size)),
            methods.kept_entries(density, count),
        )

    def _slerp_weights(self, folders: Sequence[CheckpointFolder], alpha: float) -> list[float]:
        first_square = second_square = inner = 0.0
        for offset, length in spans(self.size):
            one, other = (self._read(slot, folder, offset, length).double() for slot, folder in enumerate(folders))
            first_square += float(one @ one)
            second_square += float(other @ other)
            inner += float(one @ other)
        return list(methods.slerp_weights(first_square, second_square, inner, alpha))

    def _start(self, offset: int, length: int) -> Tensor:
        assert self.materials.base is not None
        return self._read(0, self.materials.base, offset, length)

    def _read(self, slot: int, folder: CheckpointFolder, offset: int, length: int) -> Tensor:
        key = (slot, folder.path)
        if key not in self._readers:
            self._readers[key] = self.inputs.reader(slot, folder.path, folder.tensors[first_copy(folder, self.name)])
        return torch.from_numpy(self._readers[key](offset, length)).view(self.dtype)
