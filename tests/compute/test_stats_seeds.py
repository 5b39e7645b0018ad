"""Means over seeds and their differences, against published quantiles, numerical integration and SciPy's answers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.seeds import difference_over_seeds, mean_over_seeds, t_cumulative, t_quantile

# scipy.special.stdtrit(degrees, 0.975) of SciPy 1.17.1.
BETWEEN = {1.05: 11.361907668693245, 1.5: 6.016663104427929, 2.7: 3.3921483831737507, 17.25: 2.1074887374283344}
# Two-sided 95 % points of Student's t, as printed in any table.
PRINTED = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("degrees", "quantile"), PRINTED.items())
def test_quantiles_are_those_of_the_printed_table(degrees, quantile):
    assert t_quantile(0.975, degrees) == pytest.approx(quantile, abs=6e-4)


@pytest.mark.parametrize(("degrees", "quantile"), BETWEEN.items())
def test_quantiles_between_whole_degrees_are_those_of_scipy(degrees, quantile):
    assert t_quantile(0.975, degrees) == pytest.approx(quantile, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 20), st.floats(1, 60))
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


# Four seeds at one coverage, the same four and three others at another.
OWN = {0: 0.412, 1: 0.455, 2: 0.398, 3: 0.441}
SAME = {3: 0.402, 2: 0.351, 1: 0.431, 0: 0.362}
OTHERS = {0: 0.362, 1: 0.431, 7: 0.351}


def test_the_same_seeds_are_compared_in_pairs():
    found = difference_over_seeds(OWN, SAME)

    # scipy.stats.ttest_rel(...).confidence_interval() of SciPy 1.17.1
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx(
        (0.0214888466474001, 0.05851115335259992), abs=1e-12
    )
    assert (found.paired, found.seeds, found.differs) == (True, (4, 4), True)


@pytest.mark.parametrize(
    ("confidence", "ends"),
    [(0.95, (-0.04332818643381765, 0.13366151976715113)), (0.8, (-0.0007386595545620933, 0.09107199288789558))],
)
def test_other_seeds_are_compared_with_welchs_interval(confidence, ends):
    found = difference_over_seeds(OWN, OTHERS, confidence)

    # scipy.stats.ttest_ind(..., equal_var=False).confidence_interval(confidence) of SciPy 1.17.1
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx(ends, abs=1e-12)
    assert (found.paired, found.seeds) == (False, (4, 3))


def test_a_seed_without_a_value_is_no_seed():
    found = difference_over_seeds(OWN | {9: float("nan")}, SAME)

    assert found == difference_over_seeds(OWN, SAME)
    assert not difference_over_seeds(OWN, SAME | {3: float("nan")}).paired


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 6), st.floats(0, 1), max_size=5),
    st.dictionaries(st.integers(0, 6), st.floats(0, 1), max_size=5),
)
def test_a_difference_the_other_way_round_has_the_other_sign(own, others):
    there, back = difference_over_seeds(own, others), difference_over_seeds(others, own)

    assert there.mean == pytest.approx(-back.mean, abs=1e-12, nan_ok=True)
    assert there.half_width == pytest.approx(back.half_width, abs=1e-12, nan_ok=True)
    assert math.isnan(there.mean) == (not own or not others)
    assert math.isnan(there.half_width) == (min(len(own), len(others)) < 2)


def test_without_an_interval_nothing_is_said_to_differ():
    assert not difference_over_seeds({0: 0.9}, {0: 0.1}).differs
    assert not difference_over_seeds({0: 0.9, 1: 0.8}, {2: 0.1}).differs
