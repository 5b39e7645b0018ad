"""How a program's CPU time grows with the size of its input, from one run a test.

The model is t(s) = c + k * s^p with c, k >= 0: c is what starting costs, p the growth. For each p of a grid c and k are
the weighted least squares, so that the whole profile of p is known and its interval comes with it. A run that was
killed at a limit says only "at least so long" and pulls only where the fit stays below it.

Legend: s input size in bytes, t CPU milliseconds, p exponent, chi2 weighted sum of squared residuals.

Limits: sizes in bytes stand for the size of the problem, so n log n looks like about 1.1 and a matrix of n numbers a
side like half its exponent in n. Tests of one size tell nothing of growth, and neither do times below the clock: such a
program is *flat* when it reached a test many times larger than its first and still cost nothing, else *undecided*.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.rates import Floats

Kind = Literal["flat", "slow_growing", "fast_growing", "undecided"]
KINDS: tuple[Kind, ...] = ("flat", "slow_growing", "fast_growing", "undecided")
THRESHOLD = 1.5
"""Between n log n, which looks like 1.1 to 1.2, and quadratic."""
EXPONENTS = np.round(np.arange(0.0, 4.01, 0.05), 2)
# The doubt in one time: half the millisecond to which it is rounded, and what runs of one program differ by.
CLOCK_MILLISECONDS = 0.5
RELATIVE_SPREAD = 0.15
# 95 % quantile of chi-square with one degree of freedom.
CHI_SQUARE_95 = 3.841
# Sizes that span less say nothing of growth.
LEAST_SPAN = 8.0
LEAST_TESTS = 3
# Growth that adds less than this many milliseconds over the whole range is below the clock.
FLAT_MILLISECONDS = 3.0


@dataclass(frozen=True)
class Growths:
    """Of each program (programs,): the exponent with its 95 % profile interval, cost c and factor k of the best fit,
    and what kind it is. Exponent and interval are nan where fewer than `LEAST_TESTS` tests or too narrow sizes were
    run; the interval's upper end is the grid's where the data set none."""

    exponent: Floats
    low: Floats
    high: Floats
    start_milliseconds: Floats
    factor: Floats
    kind: NDArray[np.int64]


def fit_growth(
    sizes: ArrayLike,
    milliseconds: ArrayLike,
    killed: ArrayLike,
    *,
    threshold: float = THRESHOLD,
) -> Growths:
    """Fit many programs that ran on the same tests.

    Args:
        sizes: (tests,) bytes of input, any order; 0 counts as 1.
        milliseconds: (programs, tests) CPU time, nan where a test was not run.
        killed: (programs, tests) true where a limit ended the run, so that the time is a lower bound.

    A program is *slow-growing* when its whole interval lies at or below `threshold`, *fast-growing* when it lies above.
    """
    size = np.maximum(np.asarray(sizes, dtype=np.float64), 1.0)
    time = np.atleast_2d(np.asarray(milliseconds, dtype=np.float64))
    ended = np.atleast_2d(np.asarray(killed, dtype=bool)) & ~np.isnan(time)
    run = ~np.isnan(time)
    usable = (run.sum(axis=1) >= LEAST_TESTS) & (_span(size, run) >= LEAST_SPAN)
    chi2, start, factor = _profile(size, np.where(run, time, 0.0), run, ended)
    best = chi2.argmin(axis=1)
    rows = np.arange(len(time))
    least = chi2[rows, best]
    # Where the spread is larger than assumed, the interval widens with it.
    scale = np.maximum(1.0, least / np.maximum(run.sum(axis=1) - 3, 1))
    inside = chi2 <= (least + CHI_SQUARE_95 * scale)[:, None]
    low = EXPONENTS[inside.argmax(axis=1)]
    high = EXPONENTS[len(EXPONENTS) - 1 - inside[:, ::-1].argmax(axis=1)]
    flat = usable & ~ended.any(axis=1) & (_rise(size, time, run) < FLAT_MILLISECONDS)
    kind = np.select(
        [flat, usable & (high <= threshold), usable & (low > threshold)],
        [KINDS.index("flat"), KINDS.index("slow_growing"), KINDS.index("fast_growing")],
        KINDS.index("undecided"),
    )
    nothing = np.where(usable, 0.0, np.nan)
    return Growths(
        exponent=EXPONENTS[best] + nothing,
        low=low + nothing,
        high=high + nothing,
        start_milliseconds=start[rows, best] + nothing,
        factor=factor[rows, best] + nothing,
        kind=kind.astype(np.int64),
    )


def _span(size: Floats, run: NDArray[np.bool_]) -> Floats:
    """Largest over smallest size that each program was run on; 0 where it was run on none."""
    largest = np.where(run, size, 0.0).max(axis=1, initial=0.0)
    smallest = np.where(run, size, np.inf).min(axis=1, initial=np.inf)
    return np.asarray(largest / smallest)


def _rise(size: Floats, time: Floats, run: NDArray[np.bool_]) -> Floats:
    """By how much the slowest run exceeds the mean of the runs on the smaller half of the sizes."""
    order = np.argsort(size, kind="stable")
    ranked, seen = np.where(run, time, 0.0)[:, order], run[:, order]
    early = seen & (np.cumsum(seen, axis=1) <= np.maximum(seen.sum(axis=1, keepdims=True) // 2, 1))
    before = (ranked * early).sum(axis=1) / np.maximum(early.sum(axis=1), 1)
    return np.asarray(ranked.max(axis=1, initial=0.0) - before)


def _profile(
    size: Floats, time: Floats, run: NDArray[np.bool_], ended: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """chi2, c and k (programs, exponents) of the best fit at each exponent of the grid."""
    weight = np.where(run, 1.0 / np.hypot(CLOCK_MILLISECONDS, RELATIVE_SPREAD * time) ** 2, 0.0)[:, None, :]
    largest = size.max(initial=1.0)
    power = ((size / largest)[None, :] ** EXPONENTS[:, None])[None, :, :]
    counted = np.broadcast_to((run & ~ended)[:, None, :], (len(time), len(EXPONENTS), len(size)))
    for _ in range(3):  # a killed run counts where the fit without it stays below; in two rounds that has settled
        start, factor = _least_squares(power, time[:, None, :], weight * counted)
        short = (start[..., None] + factor[..., None] * power) < time[:, None, :]
        counted = (run & ~ended)[:, None, :] | (ended[:, None, :] & short)
    start, factor = _least_squares(power, time[:, None, :], weight * counted)
    fitted = start[..., None] + factor[..., None] * power
    missed = np.where(ended[:, None, :], np.maximum(time[:, None, :] - fitted, 0.0), time[:, None, :] - fitted)
    chi2 = (weight * missed**2).sum(axis=-1)
    return chi2, start, factor / largest ** EXPONENTS[None, :]


def _least_squares(power: Floats, time: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """c and k >= 0 that minimise the weighted squares of c + k * power - time over the last axis."""
    w, wx, wy = weight.sum(-1), (weight * power).sum(-1), (weight * time).sum(-1)
    wxx, wxy = (weight * power**2).sum(-1), (weight * power * time).sum(-1)
    determinant = w * wxx - wx**2
    solvable = determinant > 1e-12 * np.maximum(w * wxx, 1e-300)
    factor = np.divide(w * wxy - wx * wy, determinant, out=np.zeros_like(w), where=solvable)
    start = np.divide(wxx * wy - wx * wxy, determinant, out=np.zeros_like(w), where=solvable)
    only_start = np.divide(wy, w, out=np.zeros_like(w), where=w > 0)
    only_factor = np.divide(wxy, wxx, out=np.zeros_like(w), where=wxx > 0)
    no_factor, no_start = (factor < 0) | ~solvable, start < 0
    return (
        np.where(no_factor, only_start, np.where(no_start, 0.0, start)),
        np.where(no_factor, 0.0, np.where(no_start, only_factor, factor)),
    )
