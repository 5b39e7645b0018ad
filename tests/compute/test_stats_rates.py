"""Failure-class counts and rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.stats.rates import CLASSES, count_classes, rates

# Two problems. Sample 3 of problem 0 is slow on a small test and wrong on a large one.
CLASSES_BY_EVERY_TEST = "SOCCN" + "SI"
CLASSES_BY_FIRST_FAILURE = "SOCON" + "SI"
PROBLEM = [0, 0, 0, 0, 0, 1, 1]


def test_counts_follow_the_class_that_looks_at_every_test() -> None:
    counts = count_classes(CLASSES_BY_EVERY_TEST, CLASSES_BY_FIRST_FAILURE, PROBLEM, 2)
    assert counts.by("every_test").tolist() == [[1, 1, 2, 1], [1, 0, 0, 0]]


def test_the_stop_early_rule_moves_samples_between_optimisation_and_correctness_only() -> None:
    counts = count_classes(CLASSES_BY_EVERY_TEST, CLASSES_BY_FIRST_FAILURE, PROBLEM, 2)
    assert counts.by("first_failure").tolist() == [[1, 2, 1, 1], [1, 0, 0, 0]]


def test_infrastructure_trouble_is_counted_apart_and_left_out_of_n() -> None:
    counts = count_classes(CLASSES_BY_EVERY_TEST, CLASSES_BY_FIRST_FAILURE, PROBLEM, 2)
    assert counts.n.tolist() == [5, 1]
    assert counts.infrastructure.tolist() == [0, 1]


def test_a_rate_of_no_samples_is_undefined() -> None:
    result = rates([[1, 2, 1, 0], [0, 0, 0, 0]], [4, 0])
    np.testing.assert_array_equal(result[0], [0.25, 0.5, 0.25, 0.0])
    assert np.isnan(result[1]).all()


def test_an_unknown_class_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="failure class"):
        count_classes("SX", "SS", [0, 0], 1)


@given(st.lists(st.tuples(st.sampled_from("SOCNI"), st.integers(0, 4)), max_size=60))
def test_counts_sum_to_n_and_nothing_is_lost(samples: list[tuple[str, int]]) -> None:
    letters = "".join(letter for letter, _ in samples)
    counts = count_classes(letters, letters, [problem for _, problem in samples], 5)
    assert counts.by().shape == (5, len(CLASSES))
    np.testing.assert_array_equal(counts.by().sum(axis=-1), counts.n)
    assert counts.n.sum() + counts.infrastructure.sum() == len(samples)
