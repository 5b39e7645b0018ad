"""Merge methods: pure functions on tensors of one name, one a checkpoint.

Linear averaging only, theta = sum_i w_i theta_i with sum_i w_i = 1, inside ("model soups", arXiv 2203.05482) or outside
[0, 1] ("extrapolation", arXiv 2605.28751). Products and sums are rounded to float32 one by one, in the order of the
ingredients, and the sum is cast once: bit for bit what other float32 implementations give.

It does not know about files; `compute.merging.merge` streams them.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from compute.errors import MergeRefused

# Sums of a piece stay in the processor's cache; sums of whole tensors would go through fresh memory several times.
PIECE_ELEMENTS = 1 << 17


def linear(
    tensors: Sequence[Tensor], weights: Sequence[float], out: Tensor | None = None, name: str = "unnamed"
) -> Tensor:
    """The weighted sum, in the first tensor's type; written into `out` where given.

    Terms of weight 0 are not read (0 x inf would be nan), and a single term of weight 1 is copied bit for bit.
    Integers (positions, counters) are copied where the terms agree. Raises MergeRefused, with the `name`, where not.
    """
    if len(tensors) != len(weights):
        raise ValueError(f"{len(tensors)} tensors and {len(weights)} weights")
    if {tensor.shape for tensor in tensors} != {(tensors[0] if out is None else out).shape}:
        raise ValueError(f"{name}: shapes differ")
    terms = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight != 0]
    target = torch.empty_like(tensors[0]) if out is None else out
    if not terms:
        return target.zero_()
    (first, first_weight), *rest = terms
    if first_weight == 1 and not rest:
        return target.copy_(first)
    if not first.is_floating_point():
        if not all(torch.equal(tensor, first) for tensor, _ in rest):
            raise MergeRefused(f"The tensor {name} differs between the ingredients and its type cannot be averaged.")
        return target.copy_(first)
    for out_piece, *pieces in _pieces([target, *(tensor for tensor, _ in terms)]):
        total = _product(pieces[0], first_weight)
        for piece, (_, weight) in zip(pieces[1:], rest, strict=True):
            # Not add_(alpha=weight): a fused multiply-add rounds once and would differ from other implementations.
            total += _product(piece, weight)
        out_piece.copy_(total)
    return target


def _pieces(tensors: Sequence[Tensor]) -> Iterable[Sequence[Tensor]]:
    """The same part of each tensor at a time, as views; all of it at once where one cannot be viewed as flat."""
    if not all(tensor.is_contiguous() for tensor in tensors):
        return [tensors]
    return zip(*(tensor.view(-1).split(PIECE_ELEMENTS) for tensor in tensors), strict=True)


def _product(tensor: Tensor, weight: float) -> Tensor:
    """In float32, never written into `tensor`."""
    return tensor * weight if tensor.dtype == torch.float32 else tensor.float().mul_(weight)


@torch.no_grad()
def linear_in_place(
    target: Mapping[str, Tensor], sources: Sequence[Mapping[str, Tensor]], weights: Sequence[float]
) -> None:
    """Set every tensor of `target` (a model's own parameters) to the weighted sum of the same names in `sources`.

    Nothing is written to disk. A `target` name that the sources lack is left alone: tied weights are stored once.
    """
    for name, tensor in target.items():
        if name in sources[0]:
            linear([source[name] for source in sources], weights, out=tensor, name=name)
