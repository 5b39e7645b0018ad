"""Members, budgets and choices of matched-budget ensembles, against enumeration."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats.ensembles import (
    Policies,
    best_members,
    ensemble_pass,
    greedy_allocation,
    greedy_members,
    halve,
    split_budget,
)


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
        greedy_members(drawn(0, 3, 8, 8), 4, 4)


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
