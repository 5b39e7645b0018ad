"""Do policies solve different problems: overlap, what a union gains, what each member adds, and which sets they solve.

Two policies that solve every problem with the same probability overlap and gain by chance alone. The *resample null*
says how much: the samples of both are pooled and dealt again, problem by problem, into two disjoint hands of the sizes
seen; given the pooled count, one hand's solved samples are hypergeometric (Fisher's exact argument). So the null keeps
every problem's difficulty, and only says that the policies are the same.

The union of two policies is compared at a matched budget: k // 2 samples of each against twice that of one, averaged
over both. Its excess estimates the mean over problems of (q_a - q_b)^2 / 2, with q the chance to fail k // 2 times: at
least 0 for any two policies, and 0 only for equals. To be *useful* the union must beat the better of the two, which is
told beside it.

Limits: samples of one problem are taken as independent. Problems with too few samples are left out of a pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.bootstrap import Intervals, bootstrap_means
from compute.stats.flips import benjamini_hochberg, majority
from compute.stats.pass_at_k import log_factorials, miss_at_k, pass_at_k
from compute.stats.rates import Floats, Integers, ratio

REPLICATES = 999
# Bounds the time of the resampling, in hands dealt: many pairs over many problems get fewer replicates, but never fewer
# than these.
MOST_DRAWS, FEWEST_REPLICATES = 4_000_000, 199
# A problem counts as solved within k samples when at least half of all draws of k solve it.
LIKELY = 0.5
# Values that equal a bound up to rounding count as reaching it.
ROUNDING = 1e-12

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two policies at k samples each alone, and together k // 2 of each. nan where too few samples say nothing.

    `jaccard` with the null's 95 % range; `union` beside `alone` (first, second) at the same total; `excess`, union
    minus the mean of `alone`, with an interval clustered by problem and the resample null's p, q and 95 % range.
    """

    first: int
    second: int
    jaccard: float
    jaccard_null: tuple[float, float]
    union: float
    alone: tuple[float, float]
    excess: float
    excess_low: float
    excess_high: float
    excess_null: tuple[float, float]
    p_value: float
    q_value: float
    problems: int


@dataclass(frozen=True)
class Null:
    """What two equal policies would show: (replicates,) of the Jaccard index and of the mean excess of their union."""

    jaccard: Floats
    excess: Floats


@dataclass(frozen=True)
class Intersection:
    """Problems (indices) that exactly these members solve."""

    members: tuple[int, ...]
    problems: tuple[int, ...]


def pairs(n: ArrayLike, solved: ArrayLike, k: int, *, seed: int = 0) -> tuple[Pair, ...]:
    """Every pair of policies, from counts (policies, problems)."""
    totals, hits = np.asarray(n, dtype=np.int64), np.asarray(solved, dtype=np.int64)
    couples = list(combinations(range(len(totals)), 2))
    if not couples:
        return ()
    alone = pass_at_k(totals, hits, k)
    excesses, intervals = _excesses(totals, hits, couples, k, seed)
    replicates = max(FEWEST_REPLICATES, min(REPLICATES, MOST_DRAWS // max(1, len(couples) * totals.shape[1])))
    nulls = [resample_null(hits[a], totals[a], hits[b], totals[b], k, replicates, seed) for a, b in couples]
    p_values = [_p_value(float(mean), null.excess) for mean, null in zip(intervals.mean, nulls, strict=True)]
    q_values = benjamini_hochberg(p_values)
    return tuple(
        Pair(
            first=a,
            second=b,
            jaccard=_overlap(alone[a], alone[b]),
            jaccard_null=_range(null.jaccard),
            union=_mean(each.union),
            alone=(_mean(each.first), _mean(each.second)),
            excess=float(intervals.mean[index]),
            excess_low=float(intervals.low[index]),
            excess_high=float(intervals.high[index]),
            excess_null=_range(null.excess),
            p_value=p_values[index],
            q_value=float(q_values[index]),
            problems=int(intervals.problems[index]),
        )
        for index, ((a, b), each, null) in enumerate(zip(couples, excesses, nulls, strict=True))
    )


def resample_null(
    solved_a: ArrayLike, n_a: ArrayLike, solved_b: ArrayLike, n_b: ArrayLike, k: int, replicates: int, seed: int = 0
) -> Null:
    """The statistics of `pairs` for two policies (problems,) whose samples are pooled and dealt again.

    Each distinct table (n_a, n_b, pooled) has its hypergeometric distribution and its statistics computed once. It is
    drawn for its problems one by one where they are fewer than its possible hands, else by how often each hand occurs.
    """
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(one, dtype=np.int64) for one in (solved_a, n_a, solved_b, n_b)]
    tables, times = np.unique(np.stack([arrays[1], arrays[3], arrays[0] + arrays[2]]), axis=1, return_counts=True)
    sums = np.zeros((replicates, 4))  # solved by both, by either; excess, and where it is defined
    for (size_a, size_b, pooled), count in zip(tables.T.tolist(), times.tolist(), strict=True):
        chances, statistics = _dealt(size_a, size_b, pooled, k)
        if len(chances) == 1:
            sums += count * statistics[0]
            continue
        if count < len(chances):
            upto = np.cumsum(chances)
            dealt = np.searchsorted(upto / upto[-1], rng.random((count, replicates)), side="right")
            sums += statistics[dealt].sum(axis=0)
        else:
            sums += rng.multinomial(count, chances / chances.sum(), size=replicates) @ statistics
    return Null(ratio(sums[:, 0], sums[:, 1]), ratio(sums[:, 2], sums[:, 3]))


def likely_solved(n: ArrayLike, solved: ArrayLike, k: int) -> tuple[Booleans, Booleans]:
    """Which problems are solved within k samples by at least half of all draws, and where that is defined."""
    chance = pass_at_k(n, solved, k)
    return np.nan_to_num(chance) >= LIKELY - ROUNDING, ~np.isnan(chance)


def mostly_solved(n: ArrayLike, solved: ArrayLike) -> tuple[Booleans, Booleans]:
    """Which problems are solved by more than half of the samples, and where there are any."""
    totals = np.asarray(n)
    return majority(solved, totals), totals > 0


def intersections(sets: Booleans, defined: Booleans) -> tuple[Intersection, ...]:
    """The problems by who solves them, largest first (Lex et al. 2014, UpSet), from (members, problems).

    Problems undefined for any member are left out. Those that nobody solves come as the intersection of no members.
    """
    known = np.flatnonzero(defined.all(axis=0))
    groups: dict[tuple[int, ...], list[int]] = {}
    for problem in known.tolist():
        groups.setdefault(tuple(np.flatnonzero(sets[:, problem]).tolist()), []).append(problem)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), len(item[0]), item[0]))
    return tuple(Intersection(members, tuple(problems)) for members, problems in ordered)


def added_by_each(n: ArrayLike, solved: ArrayLike, budgets: Sequence[int]) -> Floats:
    """(members, problems): the chance that only this member's samples, of an ensemble's, solve the problem."""
    misses = miss_at_k(n, solved, np.asarray(budgets, dtype=np.int64)[:, None])
    others = np.stack([np.delete(misses, one, axis=0).prod(axis=0) for one in range(len(misses))])
    return np.asarray(others * (1.0 - misses))


@dataclass(frozen=True)
class _Excess:
    union: Floats
    first: Floats
    second: Floats


def _excesses(
    n: Integers, solved: Integers, couples: Sequence[tuple[int, int]], k: int, seed: int
) -> tuple[list[_Excess], Intervals]:
    half = k // 2
    once, twice = miss_at_k(n, solved, half), miss_at_k(n, solved, 2 * half)
    found = []
    for a, b in couples:
        union, first, second = 1.0 - once[a] * once[b], 1.0 - twice[a], 1.0 - twice[b]
        missing = np.isnan(union + first + second) | (half == 0)
        found.append(_Excess(*(np.where(missing, np.nan, values) for values in (union, first, second))))
    excess = np.stack([each.union - (each.first + each.second) / 2 for each in found])
    return found, bootstrap_means(excess, seed=seed)


@lru_cache(maxsize=4096)
def _dealt(size_a: int, size_b: int, pooled: int, k: int) -> tuple[Floats, Floats]:
    """The chance of each number of solved samples in the first hand, and for each what `resample_null` adds up."""
    hand = np.arange(max(0, pooled - size_b), min(size_a, pooled) + 1)
    logs = log_factorials(size_a + size_b)
    chances = np.exp(
        (logs[size_a] - logs[hand] - logs[size_a - hand])
        + (logs[size_b] - logs[pooled - hand] - logs[size_b - pooled + hand])
        - (logs[size_a + size_b] - logs[pooled] - logs[size_a + size_b - pooled])
    )
    half = k // 2
    a, b = pass_at_k(size_a, hand, k), pass_at_k(size_b, pooled - hand, k)
    union = 1.0 - miss_at_k(size_a, hand, half) * miss_at_k(size_b, pooled - hand, half)
    excess = union - (pass_at_k(size_a, hand, 2 * half) + pass_at_k(size_b, pooled - hand, 2 * half)) / 2
    usable = ~np.isnan(excess) & (half > 0)
    both = np.nan_to_num(a * b)
    either = np.nan_to_num(a + b - a * b)
    return chances, np.stack([both, either, np.where(usable, excess, 0.0), usable.astype(np.float64)], axis=1)


def _p_value(observed: float, null: Floats) -> float:
    """One-sided, with the observed deal counted among the replicates."""
    if np.isnan(observed) or np.isnan(null).all():
        return float("nan")
    return float((1 + (null >= observed - ROUNDING).sum()) / (1 + len(null)))


def _overlap(a: Floats, b: Floats) -> float:
    common, union = float(np.nansum(a * b)), float(np.nansum(a + b - a * b))
    return common / union if union > 0 else float("nan")


def _range(replicates: Floats) -> tuple[float, float]:
    if np.isnan(replicates).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return float(low), float(high)


def _mean(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
