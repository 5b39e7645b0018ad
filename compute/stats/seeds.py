"""Means over training seeds with Student's t intervals.

A handful of seeds is too few for a bootstrap: with three, its percentile interval covers far less than it says. The
t interval takes the seeds' values as independent draws from one normal distribution; that is an assumption, and the
page that shows it says so. Problems are not resampled here: they are the same for every seed.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95


class SeedMean(NamedTuple):
    """`half_width` is nan for fewer than two seeds, `mean` for none."""

    mean: float
    half_width: float
    seeds: int


def mean_over_seeds(values: ArrayLike, confidence: float = CONFIDENCE) -> SeedMean:
    """The mean of (seeds,) values, nan where a seed has none, with its t interval."""
    found = np.asarray(values, dtype=np.float64)
    found = found[~np.isnan(found)]
    seeds = len(found)
    if seeds < 2:
        return SeedMean(float(found[0]) if seeds else math.nan, math.nan, seeds)
    error = float(found.std(ddof=1)) / math.sqrt(seeds)
    return SeedMean(float(found.mean()), t_quantile((1 + confidence) / 2, seeds - 1) * error, seeds)


@lru_cache(maxsize=512)
def t_quantile(probability: float, degrees: int) -> float:
    """The `probability` quantile, at least 1/2, of Student's t with a whole number of `degrees` of freedom."""
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError("a quantile needs a probability in [0.5, 1) and at least one degree of freedom")
    low, high = 0.0, 2.0
    while t_cumulative(high, degrees) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cumulative(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def t_cumulative(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0: the finite sums in Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    theta = math.atan2(t, math.sqrt(degrees))
    sine, squared = math.sin(theta), math.cos(theta) ** 2
    if degrees % 2:
        term, total = math.cos(theta), 0.0
        for order in range(1, degrees - 1, 2):
            total += term
            term *= squared * (order + 1) / (order + 2)
        inside = 2 / math.pi * (theta + sine * total)
    else:
        term, total = 1.0, 0.0
        for order in range(0, degrees, 2):
            total += term
            term *= squared * (order + 1) / (order + 2)
        inside = sine * total
    return (1 + inside) / 2
