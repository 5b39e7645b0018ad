"""Failure-class counts and rates, from letters to rates by both rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.judge import tally as codes
from compute.judge.tally import tally
from compute.stats.rates import CLASSES, FailureCounts, rates

# One problem: a sample solved, one without an answer, one slow on a small test and wrong on a large one, one spoilt.
COUNTS = FailureCounts(
    n=np.array([3]),
    solved=np.array([1]),
    optimisation=np.array([0]),
    correctness=np.array([1]),
    no_answer=np.array([1]),
    first_optimisation=np.array([1]),
    first_correctness=np.array([0]),
    infrastructure=np.array([1]),
)


def test_the_rules_differ_in_optimisation_and_correctness_only() -> None:
    assert COUNTS.by("every_test").tolist() == [[1, 0, 1, 1]]
    assert COUNTS.by("first_failure").tolist() == [[1, 1, 0, 1]]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="'worst'"):
        COUNTS.by("worst")  # type: ignore[arg-type]


def test_a_rate_of_no_samples_is_undefined() -> None:
    result = rates([[1, 2, 1, 0], [0, 0, 0, 0]], [4, 0])
    np.testing.assert_array_equal(result[0], [0.25, 0.5, 0.25, 0.0])
    assert np.isnan(result[1]).all()


def test_rates_of_all_classes_sum_to_one() -> None:
    assert rates(COUNTS.by(), COUNTS.n).sum() == pytest.approx(1)
    assert COUNTS.by().shape == (1, len(CLASSES))


@given(st.lists(st.text("AWRTMOC-", min_size=4, max_size=4), min_size=1, max_size=20))
def test_the_rules_never_differ_on_whether_a_sample_is_solved(letters: list[str]) -> None:
    found = tally(np.array(letters, dtype="S4"), (1, 2, 4))
    assert ((found.failure == codes.SOLVED) == (found.first == codes.SOLVED)).all()
