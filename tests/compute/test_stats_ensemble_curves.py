"""Curves of an ensemble and its baselines equal plain numpy, budget by budget."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.ensemble_curves import ALONE, Curves, Fold, Line, choose_group, choose_level, curves
from compute.stats.ensembles import (
    CHOSEN,
    ENSEMBLE,
    MEAN,
    ORACLE,
    SEEDS,
    TRAINED,
    Match,
    Policies,
    compare,
    split_budget,
)


def drawn(seed: int, policies: int = 5, problems: int = 10, n: int = 6) -> Policies:
    rng = np.random.default_rng(seed)
    solved = rng.binomial(n, rng.random((policies, problems)) ** 2)
    return Policies(np.full((policies, problems), n), solved, rng.uniform(50, 200, policies))


def line(found: Curves, name: str) -> Line:
    return next(one for one in found.lines if one.name == name)


def even(ks: range, members: int) -> np.ndarray:
    return np.array([split_budget(k, members) if k >= members else (0,) * members for k in ks])


def one_fold(problems: int) -> Fold:
    chosen = np.arange(problems) < problems // 2
    return Fold(chosen, ~chosen)


def pass_by_hand(n: int, solved: int, k: int) -> float:
    return float("nan") if k > n else 1 - comb(n - solved, k) / comb(n, k)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["samples", "tokens"]))
def test_every_budget_equals_the_comparison_of_that_budget(seed: int, match: Match) -> None:
    policies, fold = drawn(seed), one_fold(10)
    ks = range(2, 7)
    found = curves(policies, ks, [0, 3], even(ks, 2), [fold], match=match, trained=[(1, 2)], seeds=[(2, 4)])
    scored, chosen = policies.on(fold.scored_on), policies.on(fold.chosen_on)
    for place, k in enumerate(ks):
        expected = compare(scored, [0, 3], k, match=match, trained=(1, 2), seeds=(2, 4), selection=chosen)
        for entry in expected.entries:
            row = line(found, entry.name)
            if np.isnan(row.rate[place]):  # fewer than half of the problems: told as undefined
                continue
            assert row.rate[place] == pytest.approx(entry.rate, abs=1e-12)
            assert row.gain[place] == pytest.approx(entry.gain, abs=1e-12)
            assert (row.low[place], row.high[place]) == pytest.approx((entry.low, entry.high), abs=1e-12)
            assert (row.gain_low[place], row.gain_high[place]) == pytest.approx((entry.gain_low, entry.gain_high))
        assert found.problems[place] == expected.problems


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_rates_equal_binomials_of_the_standard_library(seed: int) -> None:
    policies = drawn(seed, policies=3, problems=6, n=5)
    half = np.arange(6) % 2 == 0
    ks = range(1, 11)
    found = curves(policies, ks, [0, 1], even(ks, 2), [Fold(half, ~half), Fold(~half, half)])
    table = np.array(
        [[[pass_by_hand(5, int(c), k) for c in row] for row in policies.solved] for k in range(11)]
    )  # (k, policies, problems)
    for place, k in enumerate(ks):
        first, second = split_budget(k, 2) if k > 1 else (0, 0)
        ensemble = 1 - (1 - table[first][0]) * (1 - table[second][1])
        assert line(found, ENSEMBLE).rate[place] == pytest.approx(ensemble.mean() if k > 1 else np.nan, nan_ok=True)
        alone = [one for one in found.lines if one.name == ALONE]
        assert [one.members for one in alone] == [(0,), (1,)]
        for one, row in zip(alone, table[k], strict=False):
            assert one.rate[place] == pytest.approx(row.mean(), nan_ok=True)
        assert line(found, MEAN).rate[place] == pytest.approx(table[k].mean(), nan_ok=True)
        assert line(found, ORACLE).rate[place] == pytest.approx(table[k].mean(axis=1).max(), nan_ok=True)
        if k <= 5:
            best = [table[k][:, ~half].mean(axis=1).argmax(), table[k][:, half].mean(axis=1).argmax()]
            crossed = np.where(half, table[k][best[0]], table[k][best[1]])
            assert line(found, CHOSEN).rate[place] == pytest.approx(crossed.mean())
            assert line(found, CHOSEN).gain[place] == pytest.approx(
                (ensemble - crossed).mean() if k > 1 else np.nan, nan_ok=True
            )


def test_a_curve_stops_at_n_and_never_turns_into_a_false_one() -> None:
    policies = drawn(1, policies=3, n=4)
    ks = range(1, 9)
    found = curves(policies, ks, [0, 1], even(ks, 2), [one_fold(10)], trained=[(0, 2)])
    alone = next(one for one in found.lines if one.name == ALONE)
    assert np.isfinite(alone.rate[:4]).all()
    assert np.isnan(alone.rate[4:]).all()
    assert np.isnan(line(found, ENSEMBLE).rate[0])
    assert np.isfinite(line(found, ENSEMBLE).rate[1:]).all()
    assert np.isnan(line(found, ORACLE).gain[4:]).all()
    assert found.problems.tolist() == [5] * 8


def test_a_budget_that_few_problems_have_samples_for_is_undefined_although_some_have() -> None:
    n = np.full((2, 8), 4)
    n[:, :3] = 12
    policies = Policies(n, np.ones_like(n), np.ones(2))
    ks = range(2, 7)
    half = np.arange(8) % 2 == 0
    found = curves(policies, ks, [0, 1], even(ks, 2), [Fold(half, ~half), Fold(~half, half)])
    alone = next(one for one in found.lines if one.name == ALONE)
    assert np.isnan(alone.rate).tolist() == [False, False, False, True, True]
    assert found.problems.tolist() == [8] * 5


def test_by_tokens_nobody_has_a_budget_where_the_ensemble_has_none() -> None:
    policies = drawn(2, policies=3)
    ks = range(1, 4)
    found = curves(policies, ks, [0, 1], even(ks, 2), [one_fold(10)], match="tokens", trained=[(0, 2)])
    assert all(np.isnan(one.rate[0]) and np.isfinite(one.rate[1]) for one in found.lines)
    assert np.isnan(found.tokens[0])
    assert found.tokens[1] == pytest.approx(policies.tokens[:2].sum())


def test_two_folds_score_every_problem_with_a_choice_that_never_saw_it() -> None:
    policies = Policies(np.full((2, 2), 4), np.array([[4, 0], [0, 4]]), np.ones(2))
    half = np.array([True, False])
    found = curves(policies, [2], [0, 1], np.array([[1, 1]]), [Fold(half, ~half), Fold(~half, half)])
    assert line(found, CHOSEN).rate.tolist() == [0.0]
    assert line(found, ORACLE).rate.tolist() == [0.5]


def test_a_group_and_a_level_are_the_best_by_trying_all() -> None:
    policies = Policies(
        np.full((5, 4), 4), np.array([[4, 0, 0, 0], [0, 4, 0, 0], [4, 4, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]]), np.ones(5)
    )
    assert choose_group(policies, [0, 1, 2, 3], 2, 4) == (2, 3)
    assert choose_group(policies, [0, 4], 2, 4) == (0, 4)
    assert choose_level(policies, [[0, 1, 4], [2, 3]], 2, 4) == (2, 3)


def test_names_of_the_groups_stand_in_the_order_of_the_comparison() -> None:
    found = curves(drawn(0), [4], [0, 1], np.array([[2, 2]]), [one_fold(10)], trained=[(1, 2)], seeds=[(3, 4)])
    assert [one.name for one in found.lines] == [ENSEMBLE, ALONE, ALONE, CHOSEN, ORACLE, MEAN, TRAINED, SEEDS]
