"""Flips and their exact tests, against enumeration in rational arithmetic."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.stats import flips as module
from compute.stats.flips import benjamini_hochberg, fisher_exact, flips, majority, mcnemar_exact


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


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    n_a, n_b = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    return draw(st.integers(0, n_a)), n_a, draw(st.integers(0, n_b)), n_b


@settings(max_examples=150, deadline=None)
@given(st.lists(tables(), min_size=1, max_size=40), st.sampled_from([1, 30, 1 << 20]))
def test_fisher_of_many_tables_is_that_of_each_whichever_share_their_margins(
    drawn: list[tuple[int, int, int, int]], cells_at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "CELLS_AT_ONCE", cells_at_once)
        found = fisher_exact(*np.array(drawn).T)
    np.testing.assert_allclose(found, [fisher_by_enumeration(*table) for table in drawn], rtol=1e-9)


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
