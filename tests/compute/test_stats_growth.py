"""Fitted growth against programs whose growth is known, and against a fit by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.growth import (
    CLOCK_MILLISECONDS,
    EXPONENTS,
    KINDS,
    RELATIVE_SPREAD,
    fit_growth,
)

SIZES = np.array([8, 20, 60, 200, 800, 3_000, 12_000, 50_000])
NEVER = np.zeros(len(SIZES), dtype=bool)


def times(exponent, largest, start=1.0):
    return start + largest * (SIZES / SIZES[-1]) ** exponent


def kind_of(found):
    return KINDS[int(found.kind[0])]


@settings(max_examples=25, deadline=None)
@given(exponent=st.floats(0.5, 3.0), largest=st.floats(300, 5000), start=st.floats(0, 5), seed=st.integers(0, 99))
def test_a_known_exponent_lies_in_its_interval(exponent, largest, start, seed):
    noise = np.random.default_rng(seed).normal(1, 0.03, len(SIZES))
    found = fit_growth(SIZES, [times(exponent, largest, start) * noise], [NEVER])
    assert found.low[0] - 0.05 <= exponent <= found.high[0] + 0.05
    assert found.exponent[0] == pytest.approx(exponent, abs=0.35)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 500), min_size=len(SIZES), max_size=len(SIZES)))
def test_the_fit_is_the_best_of_all_exponents_and_costs(measured):
    """Brute force: for each exponent every pair of c, k >= 0 on the edges and the unconstrained optimum by lstsq."""
    t = np.array(measured)
    weight = 1 / np.hypot(CLOCK_MILLISECONDS, RELATIVE_SPREAD * t)
    least = np.inf
    for p in EXPONENTS:
        x = SIZES.astype(float) ** p / float(SIZES[-1]) ** p
        for columns in ([np.ones_like(x), x], [np.ones_like(x)], [x]):
            design = np.stack(columns, axis=1) * weight[:, None]
            solution = np.linalg.lstsq(design, t * weight, rcond=None)[0]
            if (solution >= 0).all():
                least = min(least, ((design @ solution - t * weight) ** 2).sum())
    found = fit_growth(SIZES, [t], [NEVER])
    fitted = found.start_milliseconds[0] + found.factor[0] * SIZES ** found.exponent[0]
    assert (((fitted - t) * weight) ** 2).sum() == pytest.approx(least, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("exponent", "kind"), [(0.0, "flat"), (1.0, "slow_growing"), (1.15, "slow_growing"), (2.0, "fast_growing")]
)
def test_linear_and_quadratic_programs_are_told_apart(exponent, kind):
    largest = 0.0 if kind == "flat" else 800.0
    assert kind_of(fit_growth(SIZES, [np.round(times(exponent, largest))], [NEVER])) == kind


def test_the_threshold_is_the_callers():
    t = [times(1.5, 3000)]
    assert kind_of(fit_growth(SIZES, t, [NEVER], threshold=1.0)) == "fast_growing"
    assert kind_of(fit_growth(SIZES, t, [NEVER], threshold=1.5)) == "undecided"
    assert kind_of(fit_growth(SIZES, t, [NEVER], threshold=2.0)) == "slow_growing"


def test_runs_that_a_limit_ended_only_bound_the_growth_from_below():
    whole = times(2.0, 40_000)
    killed = whole > 250
    found = fit_growth(SIZES, [np.where(killed, 250, whole)], [killed])
    assert found.low[0] <= 2.0 <= found.high[0]
    assert kind_of(found) == "fast_growing"
    as_if_ended = fit_growth(SIZES, [np.where(killed, 250, whole)], [NEVER])
    assert as_if_ended.exponent[0] < 1.6


def test_a_program_killed_on_the_first_larger_test_is_not_decided():
    t = np.array([1, 1, 1, 1, 60, 60, 60, 60])
    found = fit_growth(SIZES, [t], [t == 60])
    assert kind_of(found) != "slow_growing"


@pytest.mark.parametrize(
    "run",
    [
        [],  # on no test
        [0, 7],  # on two
        [0, 1, 1],  # on sizes too near to each other
    ],
)
def test_too_few_sizes_are_fitted_by_nothing(run):
    t = np.full(len(SIZES), np.nan)
    t[run] = 5.0
    found = fit_growth(SIZES, [t], [NEVER])
    assert np.isnan([found.exponent[0], found.low[0], found.high[0], found.factor[0]]).all()
    assert kind_of(found) == "undecided"


def test_programs_are_fitted_apart_and_in_any_order_of_sizes():
    both = np.stack([times(1.0, 500), times(2.0, 500)])
    order = np.random.default_rng(1).permutation(len(SIZES))
    one = fit_growth(SIZES, both, np.zeros(both.shape, dtype=bool))
    other = fit_growth(SIZES[order], both[:, order], np.zeros(both.shape, dtype=bool))
    assert one.exponent.tolist() == other.exponent.tolist() == [1.0, 2.0]
    assert [KINDS[kind] for kind in one.kind] == ["slow_growing", "fast_growing"]
    assert fit_growth(SIZES, np.empty((0, len(SIZES))), np.empty((0, len(SIZES)))).kind.shape == (0,)
