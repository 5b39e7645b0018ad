"""Overlap, union gain and sets of solved problems, against enumeration of every deal."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.complementarity import (
    added_by_each,
    intersections,
    likely_solved,
    mostly_solved,
    pairs,
    resample_null,
)


def missed(n: int, solved: int, k: int) -> float:
    return comb(n - solved, k) / comb(n, k)


def counts(seed: int, policies: int, problems: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.full((policies, problems), n), rng.binomial(n, rng.random((policies, problems)) ** 2)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_pairs_equal_binomials_of_the_standard_library(seed: int, k: int) -> None:
    n, solved = counts(seed, 3, 12, 6)
    for pair in pairs(n, solved, k):
        a, b, half = solved[pair.first].tolist(), solved[pair.second].tolist(), k // 2
        union = np.mean([1 - missed(6, one, half) * missed(6, other, half) for one, other in zip(a, b, strict=True)])
        alone = [np.mean([1 - missed(6, one, 2 * half) for one in policy]) for policy in (a, b)]
        assert pair.union == pytest.approx(union)
        assert pair.alone == pytest.approx(alone)
        assert pair.excess == pytest.approx(union - np.mean(alone))
        chances = [(1 - missed(6, one, k), 1 - missed(6, other, k)) for one, other in zip(a, b, strict=True)]
        common, either = sum(p * q for p, q in chances), sum(p + q - p * q for p, q in chances)
        assert pair.jaccard == pytest.approx(common / either if either else np.nan, nan_ok=True)
        assert pair.problems == 12
        assert 0 < pair.p_value <= pair.q_value <= 1


def test_the_jaccard_index_equals_the_enumeration_of_all_draws() -> None:
    solved_a, solved_b, n, k = [1, 2], [3, 0], 4, 2
    common = union = Fraction(0)
    for a, b in zip(solved_a, solved_b, strict=True):
        for first, second in product(combinations(range(n), k), repeat=2):
            hits = (min(first) < a) + (min(second) < b)
            common += Fraction(hits == 2, comb(n, k) ** 2)
            union += Fraction(hits >= 1, comb(n, k) ** 2)
    found = pairs(np.full((2, 2), n), [solved_a, solved_b], k)[0]
    assert found.jaccard == pytest.approx(float(common / union))


def test_the_jaccard_index_at_full_budget_is_that_of_the_solved_sets() -> None:
    assert pairs(np.full((2, 4), 4), [[1, 0, 3, 2], [4, 1, 0, 4]], 4)[0].jaccard == pytest.approx(2 / 4)
    assert np.isnan(pairs(np.full((2, 2), 4), np.zeros((2, 2)), 2)[0].jaccard)


@pytest.mark.parametrize("problems", [40, 3])  # more than the five possible hands, and fewer
def test_the_null_has_the_mean_of_all_deals(problems: int) -> None:
    solved_a, n_a, solved_b, n_b, k = 3, 4, 1, 4, 2

    def excess(first: int, second: int) -> float:
        def chance(c: int, draws: int) -> float:
            return 1 - comb(4 - c, draws) / comb(4, draws)

        union = 1 - (1 - chance(first, 1)) * (1 - chance(second, 1))
        return union - (chance(first, 2) + chance(second, 2)) / 2

    pooled = [True] * (solved_a + solved_b) + [False] * (n_a + n_b - solved_a - solved_b)
    deals = [sum(pooled[place] for place in hand) for hand in combinations(range(8), 4)]
    expected = np.mean([excess(first, 4 - first) for first in deals])
    one = [np.full(problems, value) for value in (solved_a, n_a, solved_b, n_b)]
    null = resample_null(*one, k, 3000)
    spread = np.std([excess(first, 4 - first) for first in deals]) / np.sqrt(problems)
    assert null.excess.mean() == pytest.approx(expected, abs=4 * spread / np.sqrt(3000))
    assert null.excess.std() == pytest.approx(spread, rel=0.1)


def test_p_values_of_equal_policies_are_uniform_and_of_specialists_small() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(40)
    equal = [
        pairs(np.full((2, 40), 8), rng.binomial(8, chance, (2, 40)), 4, seed=trial)[0].p_value for trial in range(60)
    ]
    assert 0.35 < np.mean(equal) < 0.65
    assert np.mean(np.array(equal) <= 0.1) < 0.25
    specialists = np.array([[8] * 20 + [0] * 20, [0] * 20 + [8] * 20])
    found = pairs(np.full((2, 40), 8), specialists, 4)[0]
    assert found.p_value == pytest.approx(1 / 1000)
    assert found.excess == 0.5
    assert found.jaccard == 0.0
    assert found.jaccard_null[0] > 0.5


def test_too_few_samples_leave_a_pair_undefined() -> None:
    n, solved = counts(1, 2, 5, 4)
    beyond = pairs(n, solved, 8)[0]
    assert np.isnan([beyond.jaccard, beyond.union, beyond.excess, beyond.p_value, beyond.q_value]).all()
    assert beyond.problems == 0
    single = pairs(n, solved, 1)[0]
    assert np.isfinite(single.jaccard)
    assert np.isnan([single.union, single.excess, single.p_value]).all()


def test_one_policy_makes_no_pair() -> None:
    assert pairs(np.full((1, 3), 4), np.ones((1, 3)), 2) == ()


def test_a_problem_is_likely_solved_when_half_of_the_draws_solve_it() -> None:
    n, solved = np.array([[4, 4, 4, 2]]), np.array([[1, 2, 0, 2]])
    sets, defined = likely_solved(n, solved, 2)
    assert sets.tolist() == [[True, True, False, True]]
    assert likely_solved(n, solved, 1)[0].tolist() == [[False, True, False, True]]
    assert defined.all()
    assert likely_solved(n, solved, 3)[1].tolist() == [[True, True, True, False]]
    assert mostly_solved(n, solved)[0].tolist() == [[False, False, False, True]]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_intersections_part_the_problems_by_who_solves_them(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    sets, defined = rng.random((members, 15)) < 0.5, rng.random((members, 15)) < 0.9
    found = intersections(sets, defined)
    for one in found:
        for problem in one.problems:
            assert {member for member in range(members) if sets[member, problem]} == set(one.members)
    assert sorted(problem for one in found for problem in one.problems) == np.flatnonzero(defined.all(axis=0)).tolist()
    sizes = [len(one.problems) for one in found]
    assert sizes == sorted(sizes, reverse=True)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_what_a_member_adds_is_what_the_ensemble_loses_without_its_samples(seed: int) -> None:
    n, solved = counts(seed, 3, 7, 5)
    budgets = (2, 1, 3)
    added = added_by_each(n, solved, budgets)

    def rate(members: list[int]) -> np.ndarray:
        missed = np.ones(7)
        for one in members:
            missed *= [comb(5 - int(c), budgets[one]) / comb(5, budgets[one]) for c in solved[one]]
        return 1 - missed

    for one in range(3):
        others = [other for other in range(3) if other != one]
        assert added[one] == pytest.approx(rate([0, 1, 2]) - rate(others))
