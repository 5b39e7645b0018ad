"""Matched-budget ensembles and their baselines."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.ensembles import (
    CHOSEN,
    ENSEMBLE,
    MEAN,
    ORACLE,
    SEEDS,
    TRAINED,
    Comparison,
    Entry,
    Policies,
    best_members,
    compare,
    ensemble_pass,
    greedy_allocation,
    greedy_members,
    halve,
    split_budget,
)

# Two specialists that solve one half of the problems each, and a generalist that solves each in half of its samples.
SPECIALISTS = Policies(
    n=np.full((3, 8), 8),
    solved=np.array([[8] * 4 + [0] * 4, [0] * 4 + [8] * 4, [4] * 8]),
    tokens=np.array([100.0, 100.0, 50.0]),
)


def entry(comparison: Comparison, name: str) -> Entry:
    return next(entry for entry in comparison.entries if entry.name == name)


@pytest.mark.parametrize(
    ("solved", "n", "budgets"), [((1, 2), (4, 5), (2, 3)), ((0, 3), (3, 4), (1, 1)), ((2, 1, 0), (3, 3, 3), (1, 2, 1))]
)
def test_ensemble_pass_equals_the_enumeration_of_all_draws(
    solved: tuple[int, ...], n: tuple[int, ...], budgets: tuple[int, ...]
) -> None:
    draws = list(product(*(combinations(range(size), k) for size, k in zip(n, budgets, strict=True))))
    wins = sum(any(min(d) < c for d, c in zip(draw, solved, strict=True)) for draw in draws)
    counts = np.array(n)[:, None], np.array(solved)[:, None]
    assert ensemble_pass(*counts, budgets) == pytest.approx(wins / len(draws))


def test_a_budget_is_split_evenly_and_spent_whole() -> None:
    assert split_budget(8, 3) == (3, 3, 2)
    with pytest.raises(ValueError, match="cannot be split"):
        split_budget(2, 3)


def test_specialists_together_solve_everything_and_the_baselines_say_so() -> None:
    result = compare(SPECIALISTS, [0, 1], 4)
    assert result.problems == 8
    assert entry(result, ENSEMBLE).rate == 1.0
    generalist = 1 - 1 / 70  # four of eight samples, none of the four solved ones among them
    assert entry(result, ORACLE).rate == pytest.approx(generalist)
    assert entry(result, ORACLE).members == (2,)
    assert entry(result, CHOSEN).rate == pytest.approx(generalist)
    assert entry(result, MEAN).rate == pytest.approx((0.5 + 0.5 + generalist) / 3)
    assert entry(result, MEAN).gain == pytest.approx(1 - (1 + generalist) / 3)
    assert entry(result, ENSEMBLE).gain == 0


def test_matched_tokens_give_the_policy_of_shorter_answers_more_samples() -> None:
    result = compare(SPECIALISTS, [0, 1], 2, match="tokens")
    assert entry(result, ENSEMBLE).budgets == (1, 1)
    assert entry(result, MEAN).budgets == (2, 2, 4)
    assert entry(result, ORACLE).rate == pytest.approx(1 - 1 / 70)


def test_matched_tokens_let_a_trained_only_ensemble_draw_what_its_share_pays_for() -> None:
    result = compare(SPECIALISTS, [0, 1], 4, match="tokens", trained=[1, 2])
    assert entry(result, TRAINED).budgets == (2, 4)


def test_the_chosen_single_is_chosen_on_the_other_split() -> None:
    other = Policies(n=SPECIALISTS.n, solved=np.array([[8] * 8, [0] * 8, [0] * 8]), tokens=SPECIALISTS.tokens)
    chosen = entry(compare(SPECIALISTS, [0, 1], 4, selection=other), CHOSEN)
    assert chosen.members == (0,)
    assert chosen.rate == 0.5


def test_without_another_split_no_problem_is_scored_with_a_policy_chosen_on_it() -> None:
    # One problem in each half: whoever looks best on the one is scored on the other.
    policies = Policies(n=np.full((2, 2), 4), solved=np.array([[4, 0], [0, 4]]), tokens=np.ones(2))
    assert entry(compare(policies, [0, 1], 4), CHOSEN).rate == 0.0
    assert entry(compare(policies, [0, 1], 4), ORACLE).rate == 0.5


def test_seeds_of_one_level_are_a_row_of_their_own() -> None:
    result = compare(SPECIALISTS, [0, 1], 4, seeds=[2, 2])
    assert entry(result, SEEDS).rate == pytest.approx(1 - (3 / 14) ** 2)


def test_a_baseline_ensemble_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="as many as the ensemble"):
        compare(SPECIALISTS, [0, 1], 4, trained=[2])


def test_problems_with_too_few_samples_are_left_out_for_everybody() -> None:
    n = SPECIALISTS.n.copy()
    n[0, 0] = 3
    solved = np.minimum(SPECIALISTS.solved, n)
    result = compare(Policies(n, solved, SPECIALISTS.tokens), [0, 1], 4)
    assert result.problems == 7
    assert entry(result, ORACLE).rate == pytest.approx(1 - 1 / 70)


def test_a_budget_that_no_problem_has_samples_for_is_undefined() -> None:
    result = compare(SPECIALISTS, [0, 1], 12)
    assert entry(result, ENSEMBLE).rate == 1.0
    assert np.isnan(entry(result, ORACLE).rate)
    assert np.isnan(entry(result, MEAN).gain)


def test_the_best_members_are_those_of_the_exhaustive_search() -> None:
    rng = np.random.default_rng(5)
    policies = Policies(np.full((5, 30), 10), rng.binomial(10, rng.random((5, 30)) ** 3), np.ones(5))

    def rate(members: tuple[int, ...]) -> float:
        index = list(members)
        return float(ensemble_pass(policies.n[index], policies.solved[index], (2, 2, 1)).mean())

    assert best_members(policies, 3, 5) == max(combinations(range(5), 3), key=rate)


def drawn(seed: int, policies: int, problems: int, n: int) -> Policies:
    rng = np.random.default_rng(seed)
    solved = rng.binomial(n, rng.random((policies, problems)) ** 2)
    return Policies(np.full((policies, problems), n), solved, rng.uniform(50, 200, policies))


def rate_of(policies: Policies, members: Sequence[int], budgets: Sequence[int]) -> float:
    """The ensemble's rate by enumerating every draw of every member."""
    rates = []
    for problem in range(policies.n.shape[1]):
        missed = 1.0
        for member, budget in zip(members, budgets, strict=True):
            n, solved = int(policies.n[member, problem]), int(policies.solved[member, problem])
            draws = list(combinations(range(n), budget))
            missed *= sum(min(draw, default=n) >= solved for draw in draws) / len(draws)
        rates.append(1 - missed)
    return float(np.mean(rates))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 3), st.integers(1, 2))
def test_greedy_members_reach_what_the_theorem_promises_of_the_exhaustive_best(
    seed: int, policies: int, size: int, share: int
) -> None:
    size = min(size, policies)
    made = drawn(seed, policies, 6, 4)
    taken = greedy_members(made, size, size * share)
    assert len(set(taken)) == size
    every = [rate_of(made, members, [share] * size) for members in combinations(range(policies), size)]
    reached = rate_of(made, taken, [share] * size)
    assert (1 - 1 / np.e) * max(every) - 1e-9 <= reached <= max(every) + 1e-9
    if size == 1:
        assert reached == pytest.approx(max(every))


def test_each_greedy_member_is_the_one_that_helps_most_by_enumeration() -> None:
    made = drawn(3, 5, 8, 4)
    taken: list[int] = []
    for shares in ([2], [2, 1], [2, 1, 1]):
        left = [one for one in range(5) if one not in taken]
        taken.append(max(left, key=lambda one, shares=shares: rate_of(made, [*taken, one], shares)))
    assert greedy_members(made, 3, 4) == tuple(taken)


def test_more_members_than_policies_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        greedy_members(SPECIALISTS, 4, 4)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 5))
def test_a_greedy_allocation_is_nested_and_close_to_the_best_of_all_splits(seed: int, policies: int, k: int) -> None:
    made = drawn(seed, policies, 5, 4)
    rows = greedy_allocation(made, k)
    assert rows.sum(axis=1).tolist() == list(range(1, min(k, 4 * policies) + 1))
    assert (np.diff(rows, axis=0) >= 0).all()
    members = range(policies)
    splits = [split for split in product(range(5), repeat=policies) if sum(split) == rows[-1].sum()]
    best = max(rate_of(made, members, split) for split in splits)
    assert rate_of(made, members, rows[-1].tolist()) >= (1 - 1 / np.e) * best - 1e-9


def test_a_member_that_helps_nowhere_gets_no_sample_before_the_others_are_spent() -> None:
    useless = Policies(np.full((2, 4), 4), np.array([[1, 2, 1, 3], [0, 0, 0, 0]]), np.ones(2))
    assert greedy_allocation(useless, 2).tolist() == [[1, 0], [2, 0]]
    assert greedy_allocation(useless, 99)[-1].tolist() == [4, 4]


def test_halves_depend_on_names_and_seed_and_on_no_order() -> None:
    names = [f"problem-{number}" for number in range(9)]
    chosen = halve(names, seed=3)
    assert chosen.sum() == 4
    assert dict(zip(names, chosen, strict=True)) == dict(zip(names[::-1], halve(names[::-1], seed=3), strict=True))
    assert any((halve(names, seed=other) != chosen).any() for other in range(5))
    assert halve([]).tolist() == []
