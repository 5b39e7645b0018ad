"""Which problems are won and lost between two policies, and whether any rate moved.

A *flip* is a problem whose solve probability differs between a baseline and another policy. Three questions are kept
apart: which single problems moved (exact test a problem, false-discovery control over problems), whether more were
won than lost (exact McNemar test on the problems that each policy solves in the majority of its samples), and whether a
rate moved (bootstrap over problems of the paired differences). The last two are asked of several policies at once, with
false-discovery control over these.

Limits: Fisher's test takes the two policies' samples as independent. Samples that share random numbers are positively
correlated, which makes it conservative.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.bootstrap import Intervals, bootstrap_means
from compute.stats.pass_at_k import log_factorials
from compute.stats.rates import Floats, Integers, ratio

FALSE_DISCOVERY_RATE = 0.1
# Tables whose probability equals the observed one up to rounding count as equally extreme.
TIE_TOLERANCE = 1e-7
# A mean change of rates within this is none, up to rounding; it counts on both sides.
NO_CHANGE = 1e-12
# Bounds the memory of the exact tests, to some tens of MiB.
CELLS_AT_ONCE = 1 << 20

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Flips:
    """A policy against a baseline; arrays (..., problems) except the last three, which are (...).

    `change` is the difference of solve rates, nan where either has no samples. `gained` and `lost` hold the problems
    whose change survives false-discovery control. `won` and `dropped` count problems that cross the majority.
    """

    change: Floats
    p_values: Floats
    q_values: Floats
    gained: Booleans
    lost: Booleans
    won: Integers
    dropped: Integers
    mcnemar_p: Floats


@dataclass(frozen=True)
class MajorityChanges:
    """Policies against one of them, by the problems that each solves in the majority of its samples; all (policies,).

    `won`, `lost` and `unchanged` count the problems that both policies have samples of. `p_values` are McNemar's exact
    ones, `q_values` adjusted over the policies; both are nan for the baseline itself and where no problem is shared.
    """

    won: Integers
    lost: Integers
    unchanged: Integers
    p_values: Floats
    q_values: Floats


@dataclass(frozen=True)
class PairedChanges:
    """Rates of policies minus those of one of them; arrays (policies, classes).

    `changes` are means over the problems that both have, with their intervals. `p_values` are two-sided, from the
    replicates; `q_values` are adjusted over the policies, class by class. Both are nan for the baseline itself and with
    fewer than two problems.
    """

    changes: Intervals
    p_values: Floats
    q_values: Floats


def flips(
    baseline_solved: ArrayLike,
    baseline_n: ArrayLike,
    solved: ArrayLike,
    n: ArrayLike,
    *,
    false_discovery_rate: float = FALSE_DISCOVERY_RATE,
) -> Flips:
    """Compare counts (..., problems) against a baseline's (problems,) or (..., problems), all at once."""
    solved_before, n_before, solved_after, n_after = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.int64) for a in (baseline_solved, baseline_n, solved, n))
    )
    measured = (n_before > 0) & (n_after > 0)
    change = ratio(solved_after, n_after) - ratio(solved_before, n_before)
    p_values = np.where(measured, fisher_exact(solved_before, n_before, solved_after, n_after), np.nan)
    q_values = benjamini_hochberg(p_values)
    moved = q_values <= false_discovery_rate
    before, after = majority(solved_before, n_before), majority(solved_after, n_after)
    won = (measured & after & ~before).sum(axis=-1)
    dropped = (measured & before & ~after).sum(axis=-1)
    return Flips(
        change=change,
        p_values=p_values,
        q_values=q_values,
        gained=moved & (change > 0),
        lost=moved & (change < 0),
        won=won,
        dropped=dropped,
        mcnemar_p=mcnemar_exact(won, dropped),
    )


def majority(solved: ArrayLike, n: ArrayLike) -> Booleans:
    """Solved by more than half of its samples; exactly half is not."""
    return np.asarray(2 * np.asarray(solved) > np.asarray(n))


def majority_changes(solved: ArrayLike, n: ArrayLike, baseline: int) -> MajorityChanges:
    """Problems won, lost and unchanged by each policy (policies, problems) against policy `baseline`."""
    totals = np.asarray(n, dtype=np.int64)
    solves = majority(solved, totals)
    shared = (totals > 0) & (totals[baseline] > 0)
    won = (shared & solves & ~solves[baseline]).sum(axis=-1)
    lost = (shared & ~solves & solves[baseline]).sum(axis=-1)
    compared = shared.sum(axis=-1)
    p_values = np.where(compared > 0, mcnemar_exact(won, lost), np.nan)
    p_values[baseline] = np.nan
    return MajorityChanges(
        won=won, lost=lost, unchanged=compared - won - lost, p_values=p_values, q_values=benjamini_hochberg(p_values)
    )


def paired_bootstrap(rates: ArrayLike, baseline: int, *, seed: int = 0) -> PairedChanges:
    """Changes of class rates (policies, problems, classes) against policy `baseline`, problems resampled in pairs.

    Rates are nan where a policy has no samples of a problem. The p-value is the smallest level at which the percentile
    interval excludes 0, counted so that it is never 0: (1 + replicates on the other side) / (replicates + 1), doubled
    (Davison and Hinkley 1997, section 4.2).
    """
    values = np.asarray(rates, dtype=np.float64)
    changes = bootstrap_means(np.moveaxis(values - values[baseline], -1, -2), seed=seed)
    count = len(changes.replicates)
    below = (1 + (changes.replicates <= NO_CHANGE).sum(axis=0)) / (count + 1)
    above = (1 + (changes.replicates >= -NO_CHANGE).sum(axis=0)) / (count + 1)
    p_values = np.where(np.isnan(changes.low), np.nan, np.minimum(2 * np.minimum(below, above), 1.0))
    p_values[baseline] = np.nan
    return PairedChanges(changes, p_values, benjamini_hochberg(p_values.T).T)


def mcnemar_exact(won: ArrayLike, dropped: ArrayLike) -> Floats:
    """Two-sided p of `won` against `dropped` under a fair coin; 1 when nothing flipped."""
    more = np.maximum(*np.broadcast_arrays(np.asarray(won, dtype=np.int64), np.asarray(dropped, dtype=np.int64)))
    total = np.asarray(won, dtype=np.int64) + np.asarray(dropped, dtype=np.int64)
    largest = int(total.max(initial=0))
    log_factorial = log_factorials(largest)
    heads = np.arange(largest + 1)
    tosses = total[..., None]
    tails = np.maximum(tosses - heads, 0)
    log_chance = log_factorial[tosses] - log_factorial[heads] - log_factorial[tails] - tosses * np.log(2.0)
    upper = np.where((heads >= more[..., None]) & (heads <= tosses), np.exp(log_chance), 0.0).sum(axis=-1)
    return np.minimum(2.0 * upper, 1.0)


def fisher_exact(solved_a: ArrayLike, n_a: ArrayLike, solved_b: ArrayLike, n_b: ArrayLike) -> Floats:
    """Two-sided p that two solve rates are equal, elementwise: the tables no likelier than the one seen.

    Given the margins, the solved samples of A are hypergeometric. That distribution is computed once for all tables of
    the same margins; each then looks up how much of it is no likelier than itself.
    """
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=np.int64) for a in (solved_a, n_a, solved_b, n_b)))
    shape = arrays[0].shape
    hits_a, size_a, hits_b, size_b = (a.ravel() for a in arrays)
    if not hits_a.size:
        return np.ones(shape)
    if np.any((hits_a < 0) | (hits_a > size_a) | (hits_b < 0) | (hits_b > size_b)):
        raise ValueError("0 <= solved <= n must hold")
    margins, rows = _distinct(size_a, size_b, hits_a + hits_b)
    at_once = max(1, CELLS_AT_ONCE // (int(size_a.max()) + 1))
    p = np.empty(hits_a.shape)
    for start in range(0, len(margins), at_once):
        inside = (rows >= start) & (rows < start + at_once)
        p[inside] = _fisher_exact(margins[start : start + at_once], rows[inside] - start, hits_a[inside])
    return p.reshape(shape)


def _distinct(*columns: Integers) -> tuple[Integers, Integers]:
    """The distinct rows of columns of small numbers, and which of them each row is."""
    first, rows = np.zeros(1, dtype=np.int64), np.zeros(columns[0].shape, dtype=np.int64)
    for column in columns:  # one number a row is many times quicker to sort than `np.unique` over an axis
        _, first, rows = np.unique(rows * (column.max() + 1) + column, return_index=True, return_inverse=True)
    return np.stack([column[first] for column in columns], axis=1), rows


def _fisher_exact(margins: Integers, rows: Integers, hits_a: Integers) -> Floats:
    """(tables,) for tables of `hits_a` with the margins (n A, n B, solved in all) at `rows`."""
    chance = _hypergeometric(*margins.T[:, :, None])
    rising = np.sort(chance, axis=1)
    no_likelier = np.concatenate([np.zeros((len(chance), 1)), np.cumsum(rising, axis=1)], axis=1)
    seen = chance[rows, hits_a] * (1 + TIE_TOLERANCE)
    return np.minimum(no_likelier[rows, _count_up_to(rising, rows, seen)], 1.0)


def _hypergeometric(size_a: Integers, size_b: Integers, hits: Integers) -> Floats:
    """(margins, cells): how likely each number of solved samples of A is, 0 for an impossible one."""
    log_factorial = log_factorials(int((size_a + size_b).max()))
    cells = np.arange(int(size_a.max()) + 1)[None, :]
    possible = (cells <= np.minimum(size_a, hits)) & (cells >= hits - size_b)

    def log_choose(total: Integers, chosen: Integers) -> Floats:
        inside = np.clip(chosen, 0, total)
        return np.asarray(log_factorial[total] - log_factorial[inside] - log_factorial[total - inside])

    log_chance = log_choose(size_a, cells) + log_choose(size_b, hits - cells) - log_choose(size_a + size_b, hits)
    return np.where(possible, np.exp(log_chance), 0.0)


def _count_up_to(rising: Floats, rows: Integers, bounds: Floats) -> Integers:
    """How many values of the sorted row `rows[i]` are at most `bounds[i]`, by bisection of all at once."""
    low, high = np.zeros(rows.shape, dtype=np.int64), np.full(rows.shape, rising.shape[1])
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = open_ & (rising[rows, np.minimum(middle, rising.shape[1] - 1)] <= bounds)
        low, high = np.where(below, middle + 1, low), np.where(open_ & ~below, middle, high)
    return low


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Adjusted p-values over the last axis (Benjamini and Hochberg 1995); nan stays nan and counts as no test."""
    p = np.asarray(p_values, dtype=np.float64)
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    order = np.argsort(p, axis=-1)  # nan last
    # The factor is at least 1, so that no adjusted value is rounded to below its own.
    scaled = np.take_along_axis(p, order, axis=-1) * (tests / np.arange(1, p.shape[-1] + 1))
    scaled = np.where(np.isnan(scaled), np.inf, scaled)
    smallest_from_here = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(smallest_from_here, 1.0), axis=-1)
    return np.where(np.isnan(p), np.nan, adjusted)
