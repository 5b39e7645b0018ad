"""Curves of an ensemble and its baselines equal plain numpy, budget by budget."""

from collections.abc import Sequence
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.bootstrap import bootstrap_means
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


def first_best(rates: np.ndarray) -> int:
    """Of rows equally good up to rounding the first."""
    return int(rates.mean(axis=1).round(9).argmax())


def rows_by_hand(policies: Policies, k: int, fold: Fold, match: Match) -> dict[str, np.ndarray]:
    """Each row on the scored problems: the ensemble of 0 and 3, trained 1 and 2, seeds 2 and 4. Every n is equal."""
    n, tokens = int(policies.n[0, 0]), policies.tokens
    paid = float(np.dot(split_budget(k, 2), tokens[[0, 3]]))

    def shares(group: list[int]) -> list[int]:
        if match == "samples":
            return list(split_budget(k, len(group)))
        return [max(1, int(paid / len(group) / tokens[one] + 1e-9)) for one in group]

    def rate(group: list[int], budgets: Sequence[int]) -> np.ndarray:
        missed = [
            [1 - pass_by_hand(n, int(c), budget) for c in policies.solved[one]]
            for one, budget in zip(group, budgets, strict=True)
        ]
        return 1 - np.prod(missed, axis=0)

    singles = np.array([rate([one], shares([one])) for one in range(len(tokens))])
    singles = singles if not np.isnan(singles).any() else np.full(singles.shape, np.nan)
    chosen, best = (first_best(singles[:, mask]) for mask in (fold.chosen_on, fold.scored_on))
    rows = {
        ENSEMBLE: rate([0, 3], split_budget(k, 2)),
        CHOSEN: singles[chosen],
        ORACLE: singles[best],
        MEAN: singles.mean(axis=0),
        TRAINED: rate([1, 2], shares([1, 2])),
        SEEDS: rate([2, 4], shares([2, 4])),
    }
    return {name: values[fold.scored_on] for name, values in rows.items()}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["samples", "tokens"]))
def test_every_row_and_its_paired_gain_equal_plain_python_at_every_budget(seed: int, match: Match) -> None:
    policies, fold, ks = drawn(seed), one_fold(10), range(2, 7)
    found = curves(policies, ks, [0, 3], even(ks, 2), [fold], match=match, trained=[(1, 2)], seeds=[(2, 4)])
    for place, k in enumerate(ks):
        rows = rows_by_hand(policies, k, fold, match)
        for name, values in rows.items():
            row, own, gain = line(found, name), bootstrap_means(values), bootstrap_means(rows[ENSEMBLE] - values)
            shown = [row.rate, row.low, row.high, row.gain, row.gain_low, row.gain_high]
            expected = [own.mean, own.low, own.high, gain.mean, gain.low, gain.high]
            np.testing.assert_allclose([one[place] for one in shown], np.array(expected), atol=1e-12)
        assert found.problems[place] == 5


# Two specialists that solve one half of the problems each, and a generalist that solves each in half of its samples.
SPECIALISTS = Policies(
    n=np.full((3, 8), 8),
    solved=np.array([[8] * 4 + [0] * 4, [0] * 4 + [8] * 4, [4] * 8]),
    tokens=np.array([100.0, 100.0, 50.0]),
)
GENERALIST = 1 - 1 / 70  # four of eight samples, none of the four solved ones among them


def together(policies: Policies, k: int, **options: object) -> Curves:
    """The first two at one budget, with choices made on every second problem for the others."""
    half = np.arange(policies.n.shape[1]) % 2 == 0
    return curves(policies, [k], [0, 1], even(range(k, k + 1), 2), [Fold(half, ~half), Fold(~half, half)], **options)


def test_specialists_together_solve_everything_and_the_baselines_say_so() -> None:
    found = together(SPECIALISTS, 4)
    assert found.problems.tolist() == [8]
    assert line(found, ENSEMBLE).rate.tolist() == [1.0]
    assert line(found, ENSEMBLE).gain.tolist() == [0.0]
    assert line(found, ORACLE).rate == pytest.approx([GENERALIST])
    assert line(found, ORACLE).members == (2,)
    assert line(found, CHOSEN).rate == pytest.approx([GENERALIST])
    assert line(found, MEAN).rate == pytest.approx([(0.5 + 0.5 + GENERALIST) / 3])
    assert line(found, MEAN).gain == pytest.approx([1 - (1 + GENERALIST) / 3])


def test_matched_tokens_give_the_policy_of_shorter_answers_more_samples() -> None:
    found = together(SPECIALISTS, 2, match="tokens", trained=[(1, 2), (1, 2)])
    assert line(found, ENSEMBLE).samples.tolist() == [2]
    assert line(found, MEAN).samples == pytest.approx([(2 + 2 + 4) / 3])
    assert line(found, ORACLE).rate == pytest.approx([GENERALIST])
    assert line(found, TRAINED).samples.tolist() == [1 + 2]


def test_seeds_of_one_level_are_a_row_of_their_own() -> None:
    assert line(together(SPECIALISTS, 4, seeds=[(2, 2), (2, 2)]), SEEDS).rate == pytest.approx([1 - (3 / 14) ** 2])


def test_problems_with_too_few_samples_are_left_out_for_everybody() -> None:
    n = SPECIALISTS.n.copy()
    n[0, 0] = 3
    found = together(Policies(n, np.minimum(SPECIALISTS.solved, n), SPECIALISTS.tokens), 4)
    assert found.problems.tolist() == [7]
    assert line(found, ORACLE).rate == pytest.approx([GENERALIST])


def test_a_budget_that_no_single_has_samples_for_leaves_the_ensemble_defined() -> None:
    found = together(SPECIALISTS, 12)
    assert line(found, ENSEMBLE).rate.tolist() == [1.0]
    assert np.isnan([line(found, ORACLE).rate[0], line(found, MEAN).gain[0]]).all()


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
            best = [first_best(table[k][:, ~half]), first_best(table[k][:, half])]
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


def test_names_of_the_groups_stand_in_the_order_of_the_rows() -> None:
    found = curves(drawn(0), [4], [0, 1], np.array([[2, 2]]), [one_fold(10)], trained=[(1, 2)], seeds=[(3, 4)])
    assert [one.name for one in found.lines] == [ENSEMBLE, ALONE, ALONE, CHOSEN, ORACLE, MEAN, TRAINED, SEEDS]
