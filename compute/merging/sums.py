"""Weighted sums of checkpoints' bytes: what `compute.merging.methods.linear` gives, bit for bit, without torch.

Merging two checkpoints takes less time than loading torch, so a linear merge does without. Products and sums are
rounded to float32 one by one, in the order of the terms, and the sum is cast once, to even where it lies between two
numbers. Which of its bit patterns a nan becomes is not said.
"""

from collections.abc import Sequence

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from compute.checkpoints import CheckpointFolder
from compute.errors import MergeRefused
from compute.merging.pieces import Bytes, Combine, Inputs, Materials
from compute.merging.tied import first_copy

# Fewer and longer calls are faster than what would stay in a nearer cache.
NUMBERS_AT_ONCE = 1 << 17
FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}


class Sums:
    """Adds, with buffers of its own."""

    def __init__(self) -> None:
        self._total, self._term = (np.empty(NUMBERS_AT_ONCE, np.float32) for _ in range(2))

    def combine(self, materials: Materials, inputs: Inputs, name: str) -> Combine:
        """How to make one tensor of a linear merge of whole checkpoints."""
        place = materials.source.tensors[name]
        terms = [
            (inputs.reader(slot, one.path, one.tensors[first_copy(one, name)]), weight)
            for slot, (one, weight) in enumerate(zip(materials.ingredients, materials.weights[name], strict=True))
            if weight != 0 and isinstance(one, CheckpointFolder)  # a method that takes adapters has a base
        ]
        readers, weights = [reader for reader, _ in terms], [weight for _, weight in terms]

        def fill(offset: int, out: Bytes) -> None:
            self.linear([read(offset, len(out)) for read in readers], weights, place.dtype, out, name)

        return fill

    def linear(self, pieces: Sequence[Bytes], weights: Sequence[float], dtype: str, out: Bytes, name: str) -> None:
        """`dtype` is safetensors' code. Raises MergeRefused where integers differ, see `methods.linear`."""
        if not pieces:
            out[:] = 0
        elif len(pieces) == 1 and weights[0] == 1:
            out[:] = pieces[0]
        elif dtype in FLOATS:
            numbers, sums = [piece.view(FLOATS[dtype]) for piece in pieces], out.view(FLOATS[dtype])
            for first in range(0, len(sums), NUMBERS_AT_ONCE):
                part = slice(first, first + NUMBERS_AT_ONCE)
                self._add([one[part] for one in numbers], weights, sums[part])
        elif all(np.array_equal(piece, pieces[0]) for piece in pieces[1:]):
            out[:] = pieces[0]
        else:
            raise MergeRefused(f"The tensor {name} differs between the ingredients and its type cannot be averaged.")

    def _add(self, pieces: Sequence[NDArray], weights: Sequence[float], out: NDArray) -> None:
        total, term = self._total[: len(out)], self._term[: len(out)]
        with np.errstate(all="ignore"):
            for place, (piece, weight) in enumerate(zip(pieces, weights, strict=True)):
                product = term if place else total
                np.copyto(product, piece, casting="same_kind")
                np.multiply(product, np.float32(weight), out=product)
                if place:
                    np.add(total, term, out=total)
            np.copyto(out, total, casting="unsafe")
