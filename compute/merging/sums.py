"""Weighted sums of checkpoints' bytes: what `compute.merging.methods.linear` gives, bit for bit, without torch.

Merging two checkpoints takes less time than loading torch, so a linear merge does without. Products and sums are
rounded to float32 one by one, in the order of the terms, and the sum is cast once, to even where it lies between two
numbers. numpy has no bfloat16: two of them lie in 32 bits, and each is the upper half of a float32.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compute.checkpoints import CheckpointFolder
from compute.errors import MergeRefused
from compute.merging.pieces import Bytes, Combine, Inputs, Materials
from compute.merging.tied import first_copy

# Two buffers of twice as many 32-bit numbers: more leave the processor's second cache, fewer cost calls.
PAIRS_AT_ONCE = 1 << 15
NUMPY_FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
UPPER, SIXTEEN, ONE, BELOW_HALF = np.uint32(0xFFFF0000), np.uint32(16), np.uint32(1), np.uint32(0x7FFF)
QUIET_NAN = np.uint32(0x7FC00000)
Numbers = NDArray[np.uint32]


class Sums:
    """Adds, with buffers of its own."""

    def __init__(self) -> None:
        self._total, self._term = (np.empty(2 * PAIRS_AT_ONCE, np.uint32) for _ in range(2))

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
        elif dtype == "BF16":
            self._bfloat16(pieces, weights, out)
        elif dtype in NUMPY_FLOATS:
            _floats([piece.view(NUMPY_FLOATS[dtype]) for piece in pieces], weights, out.view(NUMPY_FLOATS[dtype]))
        elif all(np.array_equal(piece, pieces[0]) for piece in pieces[1:]):
            out[:] = pieces[0]
        else:
            raise MergeRefused(f"The tensor {name} differs between the ingredients and its type cannot be averaged.")

    def _bfloat16(self, pieces: Sequence[Bytes], weights: Sequence[float], out: Bytes) -> None:
        rounded = [np.float32(weight) for weight in weights]
        whole = len(out) // 4 * 4
        pairs = [piece[:whole].view(np.uint32) for piece in pieces]
        target = out[:whole].view(np.uint32)
        with np.errstate(all="ignore"):
            for first in range(0, len(target), PAIRS_AT_ONCE):
                part = slice(first, first + PAIRS_AT_ONCE)
                self._pairs([pair[part] for pair in pairs], rounded, target[part])
            if whole < len(out):  # the last of an odd number, and nothing beside it
                alone = [np.frombuffer(piece[whole:].tobytes() + bytes(2), np.uint32) for piece in pieces]
                last = np.empty(1, np.uint32)
                self._pairs(alone, rounded, last)
                out[whole:] = last.view(np.uint8)[:2]

    def _pairs(self, pieces: Sequence[Numbers], weights: Sequence[np.float32], out: Numbers) -> None:
        """All upper halves lie before all lower ones, so that one call of numpy serves both."""
        count = len(out)
        total, term = self._total[: 2 * count], self._term[: 2 * count]
        for place, (piece, weight) in enumerate(zip(pieces, weights, strict=True)):
            product = term if place else total
            np.bitwise_and(piece, UPPER, out=product[:count])
            np.left_shift(piece, SIXTEEN, out=product[count:])
            numbers = product.view(np.float32)
            np.multiply(numbers, weight, out=numbers)
            if place:
                np.add(total.view(np.float32), numbers, out=total.view(np.float32))
        _round_to_upper_half(total, term)
        upper, lower = total[:count], total[count:]
        np.bitwise_and(upper, UPPER, out=upper)
        np.right_shift(lower, SIXTEEN, out=lower)
        np.bitwise_or(upper, lower, out=out)


def _round_to_upper_half(half: Numbers, spare: Numbers) -> None:
    """float32 to bfloat16, to even, in place: the upper 16 bits are the result and the lower are left over."""
    numbers = half.view(np.float32)
    lost = np.isnan(numbers) if np.isnan(numbers.max()) else None  # the largest is nan where any is
    np.right_shift(half, SIXTEEN, out=spare)
    np.bitwise_and(spare, ONE, out=spare)
    np.add(half, spare, out=half)
    np.add(half, BELOW_HALF, out=half)
    if lost is not None:
        half[lost] = QUIET_NAN


def _floats(pieces: Sequence[NDArray], weights: Sequence[float], out: NDArray) -> None:
    with np.errstate(all="ignore"):
        total = np.multiply(pieces[0].astype(np.float32, copy=False), np.float32(weights[0]))
        for piece, weight in zip(pieces[1:], weights[1:], strict=True):
            total += piece.astype(np.float32, copy=False) * np.float32(weight)
        out[:] = total
