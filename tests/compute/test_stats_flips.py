"""Flips and their exact tests, against enumeration in rational arithmetic."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats import flips as module
from compute.stats.flips import benjamini_hochberg, fisher_exact, flips, jaccard, majority, mcnemar_exact, union_gain


def fisher_by_enumeration(a: int, n_a: int, b: int, n_b: int) -> float:
    tables = {x: comb(n_a, x) * comb(n_b, a + b - x) for x in range(n_a + 1) if 0 <= a + b - x <= n_b}
    return float(Fraction(sum(ways for ways in tables.values() if ways <= tables[a]), comb(n_a + n_b, a + b)))


def test_fisher_gives_the_textbook_value() -> None:
    # 1 of 10 against 11 of 14 students who study.
    assert fisher_exact(1, 10, 11, 14) == pytest.approx(0.002759456185220083, rel=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_fisher_equals_the_enumeration_of_all_tables(n_a: int, n_b: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    assert fisher_exact(a, n_a, b, n_b) == pytest.approx(fisher_by_enumeration(a, n_a, b, n_b), rel=1e-9)


def test_fisher_does_not_depend_on_how_tables_are_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    solved = np.arange(17)
    whole = fisher_exact(solved, 16, solved[::-1], 16)
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 20)
    np.testing.assert_array_equal(fisher_exact(solved, 16, solved[::-1], 16), whole)


@pytest.mark.parametrize(("won", "dropped"), [(0, 0), (1, 0), (0, 6), (10, 2), (5, 5), (40, 13)])
def test_mcnemar_equals_the_tails_of_a_fair_coin(won: int, dropped: int) -> None:
    total = won + dropped
    tail = Fraction(sum(comb(total, heads) for heads in range(max(won, dropped), total + 1)), 2**total)
    assert mcnemar_exact(won, dropped) == pytest.approx(float(min(2 * tail, Fraction(1))), rel=1e-12)


def test_benjamini_hochberg_by_hand() -> None:
    np.testing.assert_allclose(
        benjamini_hochberg([0.01, 0.04, 0.03, np.nan, 0.005]), [0.02, 0.04, 0.04, np.nan, 0.02], rtol=1e-12
    )


def test_benjamini_hochberg_rounds_no_value_below_its_own() -> None:
    assert benjamini_hochberg([0.201, 0.1, 0.1])[0] >= 0.201


def test_benjamini_hochberg_treats_rows_apart() -> None:
    np.testing.assert_allclose(benjamini_hochberg([[0.01, 0.5], [0.2, 0.2]]), [[0.02, 0.5], [0.2, 0.2]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_keep_the_order_and_are_never_smaller(p: list[float]) -> None:
    q = benjamini_hochberg(p)
    assert (q >= np.array(p) - 1e-15).all()
    assert (np.diff(q[np.argsort(p)]) >= -1e-15).all()


def test_exactly_half_is_no_majority() -> None:
    assert majority([8, 9, 0], [16, 16, 0]).tolist() == [False, True, False]


def test_flips_name_the_problems_that_moved_beyond_chance() -> None:
    result = flips([0, 16, 8, 0], [16, 16, 16, 0], [[16, 1, 9, 5], [0, 16, 8, 9]], np.full((2, 4), 16))
    assert result.gained.tolist() == [[True, False, False, False], [False] * 4]
    assert result.lost.tolist() == [[False, True, False, False], [False] * 4]
    np.testing.assert_allclose(result.change[0], [1.0, -15 / 16, 1 / 16, np.nan])
    assert result.won.tolist() == [2, 0]
    assert result.dropped.tolist() == [1, 0]
    np.testing.assert_allclose(result.mcnemar_p, [1.0, 1.0])


def test_a_problem_without_samples_is_no_flip_and_no_test() -> None:
    result = flips([0, 3], [16, 4], [16, 0], [16, 0])
    assert np.isnan(result.p_values[1])
    assert result.q_values[0] == result.p_values[0]


def test_jaccard_at_full_budget_is_the_plain_index_of_solved_sets() -> None:
    solved_a, solved_b = np.array([1, 0, 3, 2]), np.array([4, 1, 0, 4])
    assert jaccard(solved_a, np.full(4, 4), solved_b, np.full(4, 4), 4) == pytest.approx(2 / 4)


def test_jaccard_below_full_budget_equals_the_enumeration_of_all_draws() -> None:
    solved_a, solved_b, n, k = [1, 2], [3, 0], 4, 2
    common = union = Fraction(0)
    for a, b in zip(solved_a, solved_b, strict=True):
        for first, second in product(combinations(range(n), k), repeat=2):
            hits = (min(first) < a) + (min(second) < b)
            common += Fraction(hits == 2, comb(n, k) ** 2)
            union += Fraction(hits >= 1, comb(n, k) ** 2)
    assert jaccard(solved_a, [n, n], solved_b, [n, n], k) == pytest.approx(float(common / union))


def test_jaccard_of_nothing_solved_is_undefined() -> None:
    assert np.isnan(jaccard([0, 0], [4, 4], [0, 0], [4, 4], 2))


def test_union_with_oneself_gains_nothing_over_more_samples() -> None:
    rng = np.random.default_rng(0)
    rate = rng.random(400)
    a, b = rng.binomial(16, rate), rng.binomial(16, rate)
    gain = union_gain(a, np.full(400, 16), b, np.full(400, 16), 8)
    assert gain.problems == 400
    assert gain.excess.low <= 0 <= gain.excess.high


def test_policies_that_solve_different_problems_gain_from_union() -> None:
    n = np.full(10, 8)
    a, b = np.repeat([8, 0], 5), np.repeat([0, 8], 5)
    gain = union_gain(a, n, b, n, 4)
    assert (gain.first, gain.resampled, gain.union) == (0.5, 0.5, 1.0)
    assert gain.excess.mean == pytest.approx(0.5)
    assert gain.excess.low > 0


def test_union_gain_equals_the_enumeration_of_disjoint_halves() -> None:
    solved, n, k = 2, 6, 2
    hits = total = 0
    for first in combinations(range(n), k):
        for second in combinations(sorted(set(range(n)) - set(first)), k):
            hits += min(*first, *second) < solved
            total += 1
    assert union_gain([solved], [n], [0], [n], k).resampled == pytest.approx(hits / total)


def test_union_gain_needs_twice_the_budget_of_the_first() -> None:
    assert np.isnan(union_gain([1], [6], [1], [6], 4).resampled)
