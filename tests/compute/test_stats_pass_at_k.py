"""pass@k against the enumeration of every subset."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.stats.pass_at_k import miss_at_k, pass_at_k


@pytest.mark.parametrize(("n", "solved", "k"), [(5, 0, 3), (5, 1, 1), (6, 2, 3), (7, 3, 5), (8, 8, 1), (8, 5, 8)])
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_solved_sample(n: int, solved: int, k: int) -> None:
    subsets = list(combinations(range(n), k))
    exact = sum(min(subset) < solved for subset in subsets) / len(subsets)
    assert pass_at_k(n, solved, k) == pytest.approx(exact, abs=1e-13)


def test_fewer_samples_than_k_leave_it_undefined() -> None:
    assert np.isnan(pass_at_k(4, 4, 5))
    assert np.isnan(pass_at_k(0, 0, 1))


def test_nothing_solved_gives_exactly_zero_and_all_solved_exactly_one() -> None:
    assert pass_at_k(250, 0, 97) == 0.0
    assert pass_at_k(250, 250, 1) == 1.0


def test_arrays_of_samples_and_budgets_broadcast() -> None:
    result = pass_at_k([10, 4], [3, 1], [[1], [5]])
    np.testing.assert_allclose(result, [[0.3, 0.25], [1 - 21 / 252, np.nan]])


def test_more_solved_than_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="solved <= n"):
        miss_at_k(3, 4, 1)


@given(st.integers(1, 400), st.data())
def test_pass_at_one_is_the_solve_rate_and_it_grows_with_k(n: int, data: st.DataObject) -> None:
    solved = data.draw(st.integers(0, n))
    values = pass_at_k(n, solved, np.arange(1, n + 1))
    assert values[0] == pytest.approx(solved / n, abs=1e-10)
    assert (np.diff(values) >= -1e-10).all()
    assert values[-1] == (1.0 if solved else 0.0)
