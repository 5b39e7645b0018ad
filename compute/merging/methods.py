"""Merge methods: pure functions on tensors of one name, one a checkpoint, or on equal pieces of them.

| method | formula | paper |
|---|---|---|
| `linear` | sum_i w_i theta_i with sum_i w_i = 1, inside or outside [0, 1] | arXiv 2605.28751 (extrapolation) |
| `soup` | the same with w_i = 1/n | "Model soups", arXiv 2203.05482 |
| `task_arithmetic` | theta_0 + sum_i c_i delta_i | "Editing models with task arithmetic", arXiv 2212.04089 |
| `slerp` | along the great circle from one to the other | Shoemake, SIGGRAPH 1985 |
| `ties` | trim, elect a sign, average those that agree | "TIES-Merging", arXiv 2306.01708 |
| `dare` | drop at random, rescale, add | "Language models are super Mario", arXiv 2311.03099 |

delta_i = theta_i - theta_0 in float32. Products and sums are rounded to float32 one by one, in the order of the
ingredients, and the sum is cast once; weights stay Python floats, never rounded to a checkpoint's type. What a method
has to know of a whole tensor (slerp's angle, a trim threshold) is an argument, found piece by piece by `slerp_weights`
and `kth_magnitude`; so every method gives the same bits whatever the pieces.

It does not know about files; `compute.merging.streams` reads them.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from compute.errors import MergeRefused

# Sums of a piece stay in the processor's cache; sums of whole tensors would go through fresh memory several times.
PIECE_ELEMENTS = 1 << 17
# Between nearly parallel vectors the great circle is a line, and its formula divides two numbers close to 0.
PARALLEL_COSINE = 0.9995
HALF_BITS = 16
# Philox gives 256 bits a counter, of which a choice takes 32.
CHOICES_PER_COUNTER = 8


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


def soup(tensors: Sequence[Tensor], out: Tensor | None = None, name: str = "unnamed") -> Tensor:
    """The uniform average (arXiv 2203.05482), as `linear`."""
    return linear(tensors, [1 / len(tensors)] * len(tensors), out, name)


def delta(tensor: Tensor, start: Tensor) -> Tensor:
    """What training changed, in float32; exact to half a unit in float32's last place."""
    return tensor.float() - start.float()


def task_arithmetic(
    start: Tensor, deltas: Sequence[Tensor], coefficients: Sequence[float], out: Tensor | None = None
) -> Tensor:
    """theta_0 + sum_i c_i delta_i, a separate coefficient for each delta (arXiv 2212.04089).

    The deltas are summed before they are added. Those of coefficient 0 are not read; without any left, `start` is
    copied bit for bit.
    """
    terms = [(one, c) for one, c in zip(deltas, coefficients, strict=True) if c != 0]
    if not terms:
        return _target(start, out).copy_(start)
    return _moved(start, _weighted_sum(terms), 1.0, out)


def slerp(
    first: Tensor, second: Tensor, alpha: float, out: Tensor | None = None, weights: tuple[float, float] | None = None
) -> Tensor:
    """Spherical interpolation from `first` (alpha 0) to `second` (alpha 1), each tensor one vector.

    `weights` are those of the whole tensor (`slerp_weights`) where the arguments are pieces of it.
    """
    if weights is None:
        one, other = first.double().flatten(), second.double().flatten()
        weights = slerp_weights(float(one @ one), float(other @ other), float(one @ other), alpha)
    return linear([first, second], weights, out)


def slerp_weights(first_square: float, second_square: float, product: float, alpha: float) -> tuple[float, float]:
    """sin((1-alpha) angle) / sin(angle) and sin(alpha angle) / sin(angle) from |a|^2, |b|^2 and a.b (Shoemake 1985).

    Those of a line where a vector is 0, or they are (anti-)parallel to within a cosine of 0.9995.
    """
    norms = math.sqrt(first_square * second_square)
    cosine = product / norms if norms > 0 else 1.0
    if alpha in (0, 1) or not abs(cosine) < PARALLEL_COSINE:
        return 1 - alpha, alpha
    angle = math.acos(cosine)
    return math.sin((1 - alpha) * angle) / math.sin(angle), math.sin(alpha * angle) / math.sin(angle)


def ties(
    start: Tensor,
    deltas: Sequence[Tensor],
    weights: Sequence[float],
    thresholds: Sequence[float],
    scale: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """theta_0 + scale x the mean of those trimmed deltas that agree with the elected sign (arXiv 2306.01708).

    Entries below their delta's threshold (`trim_threshold`) are 0. The sign of an entry is that of the weighted sum;
    where it cancels to exactly 0 nothing agrees and the entry stays at the start. `weights` are positive.
    """
    terms = [
        (torch.where(one.abs() < threshold, 0.0, one), weight)
        for one, weight, threshold in zip(deltas, weights, thresholds, strict=True)
    ]
    if not terms:
        return _target(start, out).copy_(start)
    elected = _weighted_sum(terms).sign_()
    total, share = torch.zeros_like(elected), torch.zeros_like(elected)
    for one, weight in terms:
        agrees = (one.sign() == elected) & (elected != 0)
        total += (one * weight).mul_(agrees)
        share += agrees * weight
    return _moved(start, total.div_(share.masked_fill_(share == 0, 1.0)), scale, out)


def kept_entries(density: float, count: int) -> int:
    """How many of `count` entries a density keeps: the nearest whole number, at least one."""
    return min(count, max(1, round(density * count)))


def trim_threshold(one: Tensor, density: float) -> float:
    """The magnitude of the smallest entry that a trim to `density` keeps; entries of equal magnitude stay too."""
    return kth_magnitude(lambda: [one], kept_entries(density, one.numel())) if one.numel() else 0.0


def kth_magnitude(pieces: Callable[[], Iterable[Tensor]], k: int) -> float:
    """The k-th largest magnitude (from 1) of float32 entries that come in pieces; `pieces` is asked twice.

    Exact, with two histograms of 65 536 counts and no copy of the entries: magnitudes are ordered like their bit
    patterns, so the first pass finds the upper 16 bits and the second the lower.
    """
    upper, beyond = _bin_of_rank((_magnitude_bits(piece) >> HALF_BITS for piece in pieces()), k)
    lowest = (1 << HALF_BITS) - 1
    patterns = (_magnitude_bits(piece) for piece in pieces())
    lower, _ = _bin_of_rank((bits[bits >> HALF_BITS == upper] & lowest for bits in patterns), k - beyond)
    return float(np.array(upper << HALF_BITS | lower, np.int32).view(np.float32))


def _magnitude_bits(piece: Tensor) -> Tensor:
    return piece.abs().flatten().view(torch.int32)


def _bin_of_rank(pieces: Iterable[Tensor], rank: int) -> tuple[int, int]:
    """The bin that holds the `rank`-th largest, and how many entries lie in higher bins."""
    counts = np.zeros(1 << HALF_BITS, np.int64)
    for piece in pieces:
        counts += torch.bincount(piece, minlength=len(counts)).numpy()
    from_the_top = np.cumsum(counts[::-1])
    place = int(np.searchsorted(from_the_top, rank))
    return len(counts) - 1 - place, int(from_the_top[place - 1]) if place else 0


def dare(
    start: Tensor,
    deltas: Sequence[Tensor],
    coefficients: Sequence[float],
    density: float,
    keys: Sequence[int],
    first: int = 0,
    out: Tensor | None = None,
) -> Tensor:
    """theta_0 + sum_i c_i m_i delta_i / density, where each m_i keeps an entry with probability `density`.

    arXiv 2311.03099. `keys` (`mask_key`) decide which entries stay; `first` is the place of a piece within its tensor.
    """
    terms = [
        (one * kept_mask(key, first, one.numel(), density).view(one.shape), coefficient / density)
        for one, coefficient, key in zip(deltas, coefficients, keys, strict=True)
        if coefficient != 0
    ]
    if not terms:
        return _target(start, out).copy_(start)
    return _moved(start, _weighted_sum(terms), 1.0, out)


def mask_key(seed: int, ingredient: int, name: str) -> int:
    """A generator of its own for every seed, ingredient (by its place) and tensor name."""
    return int.from_bytes(hashlib.sha256(f"{seed} {ingredient} {name}".encode()).digest()[:16], "little")


def kept_mask(key: int, first: int, count: int, density: float) -> Tensor:
    """(count,) booleans for the entries from `first`: each True with probability `density`, to within 2^-32.

    An entry's choice depends on the key and its place alone (numpy's Philox counts), not on where a piece begins.
    """
    counter, skipped = divmod(first, CHOICES_PER_COUNTER)
    counters = -(-(skipped + count) // CHOICES_PER_COUNTER)
    raw = np.random.Philox(key=key, counter=counter).random_raw(counters * CHOICES_PER_COUNTER // 2)
    choices = raw.astype("<u8", copy=False).view("<u4")[skipped : skipped + count]
    return torch.from_numpy(choices < round(density * 2**32))


def _weighted_sum(terms: Sequence[tuple[Tensor, float]]) -> Tensor:
    """A new float32 tensor; products are rounded before they are added."""
    (one, weight), *rest = terms
    total = one.float() * weight
    for one, weight in rest:
        total += one.float() * weight
    return total


def _moved(start: Tensor, change: Tensor, scale: float, out: Tensor | None) -> Tensor:
    """start + scale x change, cast once; `change` is overwritten."""
    return _target(start, out).copy_(change.mul_(scale).add_(start.float()))


def _target(start: Tensor, out: Tensor | None) -> Tensor:
    return torch.empty_like(start) if out is None else out


@torch.no_grad()
def linear_in_place(
    target: Mapping[str, Tensor], sources: Sequence[Mapping[str, Tensor]], weights: Sequence[float]
) -> None:
    """Set every tensor of `target` (a model's own parameters) to the weighted sum of the same names in `sources`.

    Nothing is written to disk. A `target` name that a source lacks is left alone: tied weights are stored once by some,
    twice by others, and set under the name that all have.
    """
    for name, tensor in target.items():
        if all(name in source for source in sources):
            linear([source[name] for source in sources], weights, out=tensor, name=name)
