"""Means over training seeds and differences of such means, with Student's t intervals.

A handful of seeds is too few for a bootstrap: with three, its percentile interval covers far less than it says. The
t interval takes the seeds' values as independent draws from one normal distribution; that is an assumption, and the
page that shows it says so. Problems are not resampled here: they are the same for every seed.
"""

import math
from collections.abc import Hashable, Mapping
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
# Of Gauss and Legendre, on [-1, 1]: the integrand below is smooth, and 64 of them leave an error of 1e-9 at most.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


class SeedMean(NamedTuple):
    """`half_width` is nan for fewer than two seeds, `mean` for none."""

    mean: float
    half_width: float
    seeds: int


class SeedDifference(NamedTuple):
    """A mean minus another. `paired` tells which of the two intervals it has, `seeds` how many each side had;
    `half_width` is nan where either has fewer than two, `mean` where either has none."""

    mean: float
    half_width: float
    paired: bool
    seeds: tuple[int, int]

    @property
    def differs(self) -> bool:
        """Whether the interval excludes 0."""
        return abs(self.mean) > self.half_width


def mean_over_seeds(values: ArrayLike, confidence: float = CONFIDENCE) -> SeedMean:
    """The mean of (seeds,) values, nan where a seed has none, with its t interval."""
    found = np.asarray(values, dtype=np.float64)
    found = found[~np.isnan(found)]
    seeds = len(found)
    if seeds < 2:
        return SeedMean(float(found[0]) if seeds else math.nan, math.nan, seeds)
    error = float(found.std(ddof=1)) / math.sqrt(seeds)
    return SeedMean(float(found.mean()), t_quantile((1 + confidence) / 2, seeds - 1) * error, seeds)


def difference_over_seeds(
    values: Mapping[Hashable, float], others: Mapping[Hashable, float], confidence: float = CONFIDENCE
) -> SeedDifference:
    """The mean of `values` minus that of `others`, both seed -> value, nan where a seed has none.

    Where both have the same seeds the interval is Student's for the differences within each seed, which share the order
    of the data and so much of their noise. Otherwise it is Welch's for two samples of unequal variance: B. L. Welch,
    "The generalization of 'Student's' problem when several different population variances are involved", Biometrika 34
    (1947), with the degrees of freedom of F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    own = {seed: value for seed, value in values.items() if not math.isnan(value)}
    other = {seed: value for seed, value in others.items() if not math.isnan(value)}
    paired, seeds = own.keys() == other.keys(), (len(own), len(other))
    if not own or not other:
        return SeedDifference(math.nan, math.nan, paired, seeds)
    if paired:
        within = mean_over_seeds([value - other[seed] for seed, value in own.items()], confidence)
        return SeedDifference(within.mean, within.half_width, paired, seeds)
    mean = float(np.mean(list(own.values())) - np.mean(list(other.values())))
    if min(seeds) < 2:
        return SeedDifference(mean, math.nan, paired, seeds)
    squares = [float(np.var(list(side.values()), ddof=1)) / len(side) for side in (own, other)]
    error = math.sqrt(sum(squares))
    if error == 0.0:
        return SeedDifference(mean, 0.0, paired, seeds)
    shares = [square / sum(squares) for square in squares]
    degrees = 1 / sum(share**2 / (number - 1) for share, number in zip(shares, seeds, strict=True))
    return SeedDifference(mean, t_quantile((1 + confidence) / 2, degrees) * error, paired, seeds)


@lru_cache(maxsize=4096)
def t_quantile(probability: float, degrees: float) -> float:
    """The `probability` quantile, at least 1/2, of Student's t with `degrees` of freedom, at least 1.

    Newton's method from the normal quantile, which lies below: the distribution is concave there, so that every step
    stays below as well.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError("a quantile needs a probability in [0.5, 1) and at least one degree of freedom")
    t = NormalDist().inv_cdf(probability)
    for _ in range(100):
        step = (probability - t_cumulative(t, degrees)) / t_density(t, degrees)
        t += step
        if step <= 1e-12 * t:
            break
    return t


def t_cumulative(t: float, degrees: float) -> float:
    """P(T <= t) for t >= 0: the integral of the density over theta, where t = sqrt(degrees) tan(theta), as in
    Abramowitz and Stegun, 26.7.1 to 26.7.4."""
    half = math.atan(t / math.sqrt(degrees)) / 2
    within = half * float(WEIGHTS @ np.cos(half * (NODES + 1)) ** (degrees - 1))
    return 0.5 + _scale(degrees) * within


def t_density(t: float, degrees: float) -> float:
    return _scale(degrees) / math.sqrt(degrees) * (1 + t * t / degrees) ** (-(degrees + 1) / 2)


def _scale(degrees: float) -> float:
    return math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
