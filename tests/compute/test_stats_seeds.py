"""Means over seeds against published quantiles and against numerical integration of the density."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.seeds import mean_over_seeds, t_cumulative, t_quantile

# Two-sided 95 % points of Student's t, as printed in any table.
PRINTED = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("degrees", "quantile"), PRINTED.items())
def test_quantiles_are_those_of_the_printed_table(degrees, quantile):
    assert t_quantile(0.975, degrees) == pytest.approx(quantile, abs=6e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 20), st.integers(1, 60))
def test_the_distribution_is_the_integral_of_its_density(t, degrees):
    x = np.linspace(0, t, 20_001)
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    density = scale * (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
    assert t_cumulative(t, degrees) == pytest.approx(0.5 + np.trapezoid(density, x), abs=1e-6)


def test_three_seeds_give_the_interval_one_computes_by_hand():
    found = mean_over_seeds([0.2, 0.3, float("nan"), 0.4])

    assert (found.mean, found.seeds) == (pytest.approx(0.3), 3)
    assert found.half_width == pytest.approx(4.302653 * 0.1 / math.sqrt(3), abs=1e-6)


def test_one_seed_has_a_mean_and_no_interval_and_none_has_neither():
    one, none = mean_over_seeds([0.5]), mean_over_seeds([float("nan")])

    assert (one.mean, one.seeds) == (0.5, 1)
    assert math.isnan(one.half_width)
    assert math.isnan(none.mean)
    assert none.seeds == 0


def test_impossible_quantiles_are_refused():
    for probability, degrees in ((0.4, 3), (1.0, 3), (0.9, 0)):
        with pytest.raises(ValueError, match="quantile"):
            t_quantile(probability, degrees)
