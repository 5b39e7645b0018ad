"""The trade-off along a path through weight space, and what extrapolation does to it.

Legend: a (alpha) is the position on the path theta(a) = (1-a) low + a high. Points are (optimisation, correctness)
failure rates. The *direction* is the unit vector along which the points between the trained ends move as a grows: the
slopes of a least-squares line on a, one a coordinate. With the two ends alone it is their difference.

A point is *dominated* when another is better on both axes by more than the noise of their paired difference. Whoever
compares many points should expect some of these by chance: intervals hold a pair at a time.

It does not say whether a frontier exists: with flat ends the direction is noise and every interval includes 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compute.stats.bootstrap import CONFIDENCE, RateIntervals
from compute.stats.rates import CORRECTNESS, OPTIMISATION, SOLVED, Floats

Booleans = NDArray[np.bool_]
Verdict = Literal["extends", "stays", "collapses"]
Standing = Literal["dominated", "within noise", "undominated"]

# How much of the nearer end's solve rate a point may lose before it counts as collapsed, in rate.
SOLVE_MARGIN = 0.05
# Two alphas closer than this are the same point.
SAME_ALPHA = 1e-9
# Points ahead of one are compared with it so many at a time, those with the widest lead first.
AHEAD_AT_ONCE = 16
# Between two measured points farther apart than this, or than so many usual steps, a path is an estimate.
WIDEST_STEP = 0.5
USUAL_STEPS = 1.5


@dataclass(frozen=True)
class Extrapolation:
    """How far a point outside [0, 1] lies beyond the nearer trained end, along the direction, in rate.

    `beyond` is positive past the end; `low` and `high` are its interval, paired with the end's. `solve_change` is the
    point's solve rate minus the end's.
    """

    alpha: float
    end: float
    beyond: float
    low: float
    high: float
    solve_change: float
    margin: float
    verdict: Verdict


@dataclass(frozen=True)
class Dominance:
    """Whether any other point is better than this one on both axes.

    *dominated*: one is, and both intervals of the paired differences exclude 0. *within noise*: one is by its means
    alone. `by` is the index of that point, the one with the largest lead; `lead` is its lead on the two axes and
    `lead_low` the low end of each lead's interval, positive where it is better.
    """

    standing: Standing
    by: int | None = None
    lead: tuple[float, float] | None = None
    lead_low: tuple[float, float] | None = None


def direction(alphas: ArrayLike, points: ArrayLike) -> Floats:
    """Unit vector (..., 2) of the trade-off, towards higher a; nan when fewer than two alphas or nothing moves.

    Args:
        alphas: (evaluations,); those outside [0, 1] are not used.
        points: (..., evaluations, 2) optimisation and correctness failure rates; nan points are not used.
    """
    alpha = np.asarray(alphas, dtype=np.float64)
    points = np.asarray(points, dtype=np.float64)
    inside = (alpha >= -SAME_ALPHA) & (alpha <= 1 + SAME_ALPHA)
    usable = inside & ~np.isnan(points).any(axis=-1)
    count = np.maximum(usable.sum(axis=-1, keepdims=True), 1)
    lever = np.where(usable, alpha - (usable * alpha).sum(axis=-1, keepdims=True) / count, 0.0)
    slopes = np.einsum("...e,...ei->...i", lever, np.where(usable[..., None], points, 0.0))
    length = np.linalg.norm(slopes, axis=-1, keepdims=True)
    return np.divide(slopes, length, out=np.full(slopes.shape, np.nan), where=length > 1e-12)


def classify_extrapolated(
    alphas: ArrayLike, rates: RateIntervals, *, margin: float = SOLVE_MARGIN, confidence: float = CONFIDENCE
) -> list[Extrapolation | None]:
    """One entry an evaluation: None inside [0, 1], and wherever an end or the point itself is not measured.

    A point whose solve rate lies more than `margin` below the nearer end's *collapses*. Otherwise it *extends* when it
    lies beyond that end with an interval that excludes 0, else it *stays*. The direction is fitted anew in each
    replicate, so the interval carries its uncertainty too.

    Args:
        alphas: (evaluations,)
        rates: of the same evaluations, bootstrapped together, classes in the order of `compute.stats.rates.CLASSES`.
    """
    alpha = np.asarray(alphas, dtype=np.float64)
    if rates.mean.ndim != 2 or len(rates.mean) != alpha.size:
        raise ValueError(f"{alpha.size} alphas and rates of shape {rates.mean.shape}")
    outside = (alpha < -SAME_ALPHA) | (alpha > 1 + SAME_ALPHA)
    return [_classify(i, alpha, rates, margin, confidence) if outside[i] else None for i in range(alpha.size)]


def dominance(
    means: ArrayLike, replicates: ArrayLike, better: tuple[int, int] = (-1, -1), *, confidence: float = CONFIDENCE
) -> list[Dominance]:
    """One entry a point. A point with a nan mean is undominated and dominates none.

    Args:
        means: (points, 2) on the two axes.
        replicates: (R, points, 2), of one bootstrap, so that differences are paired.
        better: per axis 1 where more is better, -1 where less is.
    """
    signs = np.asarray(better, dtype=np.float64)
    means = np.asarray(means, dtype=np.float64) * signs
    series = np.ascontiguousarray(np.moveaxis(np.asarray(replicates, dtype=np.float64) * signs, 0, -1))
    if means.ndim != 2 or means.shape[1] != 2 or series.shape[:2] != means.shape:
        raise ValueError(f"means of shape {means.shape} do not fit replicates of shape {np.shape(replicates)}")
    whole = not np.isnan(series).any()
    standings = [_standing(index, means, series, whole, confidence) for index in range(len(means))]
    compared = [(index, found.other) for index, found in enumerate(standings) if found.other is not None]
    lows = dict(zip(compared, _lows(series, compared, confidence), strict=True))
    return [
        Dominance(kind)
        if other is None
        else Dominance(kind, other, _pair(means[other] - means[index]), _pair(lows[index, other]))
        for index, (kind, other) in enumerate(standings)
    ]


class _Standing(NamedTuple):
    """How a point stands and the other that it is compared with, None where none is ahead."""

    kind: Standing
    other: int | None = None


def _standing(index: int, means: Floats, series: Floats, whole: bool, confidence: float) -> _Standing:
    """`series` is (points, 2, R), more is better on both axes; `whole` says that it holds no nan.

    Which side of 0 the lower end of an interval lies on follows from counting the replicates that are not ahead; the
    end itself is worked out only where it lies between two replicates, one on either side.
    """
    leads = means - means[index]
    ahead = np.flatnonzero((leads > 0).all(axis=1))
    if not ahead.size:
        return _Standing("undominated")
    ahead = ahead[np.argsort(-leads[ahead].min(axis=1), kind="stable")]
    spared = int((1 - confidence) / 2 * (series.shape[-1] - 1))
    for start in range(0, ahead.size, AHEAD_AT_ONCE):
        some = ahead[start : start + AHEAD_AT_ONCE]
        contrary = (series[some] <= series[index]).sum(axis=-1).max(axis=-1)
        for other, count in zip(some.tolist(), contrary, strict=True):
            sure = whole and count <= spared
            if sure or (count <= spared + 1 and (_lows(series, [(index, other)], confidence) > 0).all()):
                return _Standing("dominated", other)
    return _Standing("within noise", int(ahead[0]))


def _lows(series: Floats, pairs: Sequence[tuple[int, int]], confidence: float) -> Floats:
    """(pairs, 2): the lower ends of the intervals of (point, other)'s differences, other minus point."""
    if not pairs:
        return np.empty((0, 2))
    points, others = np.array(pairs).T
    differences = series[others] - series[points]
    if np.isnan(differences).any():
        return np.array([[_interval(line, confidence)[0] for line in one] for one in differences])
    return np.asarray(np.quantile(differences, (1 - confidence) / 2, axis=-1))


def _pair(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def estimated_steps(alphas: ArrayLike, uncertain: ArrayLike, planned: ArrayLike = ()) -> Booleans:
    """(points - 1,): whether the line from each measured point to the next says more than was measured.

    That is so where the step is wider than the path's usual one (the median) or than half the path, where a point at
    either end is still being measured, and where a planned alpha lies between.

    Args:
        alphas: (points,) ascending.
        uncertain: (points,) still being measured.
        planned: alphas that have no point yet.
    """
    alpha, doubt = np.asarray(alphas, dtype=np.float64), np.asarray(uncertain, dtype=bool)
    if np.any(np.diff(alpha) < 0):
        raise ValueError("alphas must ascend")
    if alpha.size < 2:
        return np.zeros(0, dtype=bool)
    steps = np.diff(alpha)
    widest = min(USUAL_STEPS * float(np.median(steps)), WIDEST_STEP)
    coming = np.asarray(planned, dtype=np.float64)[:, None]
    between = ((coming > alpha[:-1] + SAME_ALPHA) & (coming < alpha[1:] - SAME_ALPHA)).any(axis=0)
    return np.asarray((steps > widest + SAME_ALPHA) | doubt[:-1] | doubt[1:] | between)


def _classify(
    index: int, alpha: Floats, rates: RateIntervals, margin: float, confidence: float
) -> Extrapolation | None:
    end = 1.0 if alpha[index] > 1 else 0.0
    outwards = 1.0 if end == 1.0 else -1.0
    failures = slice(OPTIMISATION, CORRECTNESS + 1)
    ends_measured = not np.isnan([_at(alpha, rates.mean, 0.0), _at(alpha, rates.mean, 1.0)]).any()
    if not ends_measured or np.isnan(rates.mean[index]).any():
        return None
    beyond = outwards * _beyond(index, alpha, rates.mean[:, failures], end)
    replicates = outwards * _beyond(index, alpha, rates.replicates[:, :, failures], end)
    low, high = _interval(replicates, confidence)
    solve_change = float(rates.mean[index, SOLVED] - _at(alpha, rates.mean, end)[SOLVED])
    if solve_change < -margin:
        verdict: Verdict = "collapses"
    else:
        verdict = "extends" if low > 0 else "stays"
    return Extrapolation(float(alpha[index]), end, float(beyond), low, high, solve_change, margin, verdict)


def _beyond(index: int, alpha: Floats, points: Floats, end: float) -> Floats:
    """(...): where point `index` lies past the end at `end`, along the direction, from points (..., evaluations, 2)."""
    step = points[..., index, :] - _at(alpha, points, end)
    return np.einsum("...i,...i->...", step, direction(alpha, points))


def _at(alpha: Floats, values: Floats, wanted: float) -> Floats:
    """The mean of the evaluations at one alpha: (..., k) from (..., evaluations, k); nan when there is none."""
    here = np.abs(alpha - wanted) <= SAME_ALPHA
    if not here.any():
        return np.full(np.delete(values.shape, -2), np.nan)
    return np.asarray(np.compress(here, values, axis=-2).mean(axis=-2))


def _interval(replicates: Floats, confidence: float) -> tuple[float, float]:
    usable = replicates[~np.isnan(replicates)]
    if not usable.size:
        return float("nan"), float("nan")
    low, high = np.quantile(usable, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
