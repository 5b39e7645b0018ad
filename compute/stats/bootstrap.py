"""Intervals for means over problems, by resampling problems with replacement.

The problem is the cluster: samples of one problem are alike, so resampling samples would give intervals that are far
too narrow. Every problem weighs the same whatever its n. All evaluations handed over together meet the *same*
resampled problems, so differences between replicates of two of them are paired. Problems without a value (n = 0
because only infrastructure trouble came back, or not judged yet) are left out of that evaluation alone.

Limits: percentile intervals, without bias correction; fewer than two problems give nan; a rate that is 0 (or 1) on
every problem gives an interval of no width, as any bootstrap must.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from compute.stats.rates import CORRECTNESS, OPTIMISATION, Floats, Integers, rates, ratio

REPLICATES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Intervals:
    """Means over problems with percentile intervals, one a series; `replicates` has one more axis in front."""

    mean: Floats
    low: Floats
    high: Floats
    problems: Integers
    replicates: Floats

    @property
    def half_width(self) -> Floats:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class RateIntervals(Intervals):
    """Class rates of evaluations: `mean`, `low`, `high` (..., classes); `problems` and `samples` (...).

    `covariance` (..., 2, 2) is that of the replicates of (optimisation, correctness), for ellipses.
    """

    covariance: Floats
    samples: Integers

    def of(self, rows: Sequence[int]) -> "RateIntervals":
        """Those of some evaluations, where the arrays are (evaluations, ...)."""
        chosen = list(rows)
        return RateIntervals(
            mean=self.mean[chosen],
            low=self.low[chosen],
            high=self.high[chosen],
            problems=self.problems[chosen],
            replicates=self.replicates[:, chosen],
            covariance=self.covariance[chosen],
            samples=self.samples[chosen],
        )


@lru_cache(maxsize=8)
def resampling_weights(problems: int, replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """How often each problem is drawn in each replicate: (replicates, problems), rows sum to `problems`; read-only."""
    if problems < 1 or replicates < 1:
        raise ValueError("resampling needs at least one problem and one replicate")
    draws = np.random.default_rng(seed).integers(0, problems, size=(replicates, problems))
    draws += np.arange(replicates)[:, None] * problems
    weights = np.bincount(draws.ravel(), minlength=replicates * problems).reshape(replicates, problems)
    result = weights.astype(np.float64)
    result.setflags(write=False)
    return result


def bootstrap_means(
    values: ArrayLike, *, replicates: int = REPLICATES, confidence: float = CONFIDENCE, seed: int = 0
) -> Intervals:
    """Mean over the last axis with its interval.

    Args:
        values: (..., problems), nan where a problem has no value.
    """
    values = np.asarray(values, dtype=np.float64)
    problems = values.shape[-1]
    if problems == 0:
        return _no_problems(values.shape[:-1], replicates)
    series = values.reshape(-1, problems)
    present = ~np.isnan(series)
    filled = np.where(present, series, 0.0)
    used = present.sum(axis=1)
    weights = resampling_weights(problems, replicates, seed)
    sums = weights @ filled.T
    totals = np.full((1, len(series)), float(problems)) if present.all() else weights @ present.T.astype(np.float64)
    means = ratio(sums, totals)
    low, high = _quantiles(means, confidence)
    too_few = used < 2
    low[too_few] = high[too_few] = np.nan
    shape = values.shape[:-1]
    return Intervals(
        mean=ratio(filled.sum(axis=1), used.astype(np.float64)).reshape(shape),
        low=low.reshape(shape),
        high=high.reshape(shape),
        problems=used.reshape(shape),
        replicates=means.reshape(replicates, *shape),
    )


def cluster_bootstrap(
    counts: ArrayLike,
    n: ArrayLike,
    *,
    replicates: int = REPLICATES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> RateIntervals:
    """Class rates of one or more evaluations over the same problems.

    Args:
        counts: (..., problems, classes) in the order of `compute.stats.rates.CLASSES`, the last ones optional.
        n: (..., problems) samples without infrastructure trouble; a problem with 0 is left out.
    """
    counts, totals = np.asarray(counts, dtype=np.int64), np.asarray(n, dtype=np.int64)
    if counts.shape[:-1] != totals.shape:
        raise ValueError(f"counts {counts.shape} do not fit n {totals.shape}")
    if np.any(counts < 0) or np.any(counts > totals[..., None]):
        raise ValueError("a count must lie between 0 and n")
    per_problem = np.moveaxis(rates(counts, totals), -1, -2)
    means = bootstrap_means(per_problem, replicates=replicates, confidence=confidence, seed=seed)
    return RateIntervals(
        mean=means.mean,
        low=means.low,
        high=means.high,
        problems=means.problems[..., 0],
        replicates=means.replicates,
        covariance=_covariance(means.replicates, means.problems[..., 0]),
        samples=totals.sum(axis=-1),
    )


def differences(intervals: Intervals, reference: int, confidence: float = CONFIDENCE) -> Intervals:
    """Each series minus series `reference` (along the first axis), paired by the shared resampling.

    The series must have values on the same problems: elsewhere the two means are over different problems, and
    `bootstrap_means` of the differences on each problem is what is paired.
    """
    replicates = intervals.replicates - intervals.replicates[:, reference : reference + 1]
    low, high = _quantiles(replicates, confidence)
    undefined = np.isnan(intervals.low) | np.isnan(intervals.low[reference])
    return Intervals(
        mean=intervals.mean - intervals.mean[reference],
        low=np.where(undefined, np.nan, low),
        high=np.where(undefined, np.nan, high),
        problems=intervals.problems,
        replicates=replicates,
    )


def ellipse(mean: ArrayLike, covariance: ArrayLike, confidence: float = CONFIDENCE, points: int = 48) -> Floats:
    """Outlines (..., points, 2) of the regions that hold `confidence` of normals with these means (..., 2) and
    covariances (..., 2, 2).

    The radius is the exact chi-square quantile with two degrees of freedom, -2 ln(1 - confidence).
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=np.float64))
    radii = np.sqrt(np.maximum(values, 0.0) * -2.0 * np.log1p(-confidence))
    angles = np.linspace(0.0, 2.0 * np.pi, points)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    spokes = (circle * radii[..., None, :]) @ vectors.swapaxes(-1, -2)
    return np.asarray(mean, dtype=np.float64)[..., None, :] + spokes


def replicate_covariance(pair: Floats) -> Floats:
    """(..., 2, 2) of the replicates (R, ..., 2) of two figures; replicates in which either is nan are left out.

    nan where fewer than two replicates are left.
    """
    series = np.ascontiguousarray(np.moveaxis(pair, 0, -1))  # (..., 2, R)
    present = ~np.isnan(series).any(axis=-2, keepdims=True)
    used = present.sum(axis=-1, keepdims=True).astype(np.float64)
    centre = ratio(np.where(present, series, 0.0).sum(axis=-1, keepdims=True), used)
    centred = np.where(present, series - centre, 0.0)
    return ratio(centred @ centred.swapaxes(-1, -2), np.maximum(used - 1, 0.0))


def _covariance(replicates: Floats, problems: Integers) -> Floats:
    """(..., 2, 2) from replicates (R, ..., classes); replicates that drew no usable problem are left out."""
    if replicates.shape[-1] <= CORRECTNESS:
        return np.full((*problems.shape, 2, 2), np.nan)
    result = replicate_covariance(replicates[..., OPTIMISATION : CORRECTNESS + 1])
    result[problems < 2] = np.nan
    return result


def _quantiles(replicates: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Lower and upper percentile over the first axis. The nan-aware routine is slow, so it runs only where needed."""
    if not 0 < confidence < 1:
        raise ValueError("confidence lies between 0 and 1")
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(replicates, tails, axis=0)
    ragged = np.isnan(replicates).any(axis=0) & ~np.isnan(replicates).all(axis=0)
    if ragged.any():
        low[ragged], high[ragged] = np.nanquantile(replicates[:, ragged], tails, axis=0)
    return low, high


def _no_problems(shape: tuple[int, ...], replicates: int) -> Intervals:
    nothing = np.full(shape, np.nan)
    return Intervals(nothing, nothing, nothing, np.zeros(shape, dtype=np.int64), np.full((replicates, *shape), np.nan))
