"""Failure classes of letters, and checkers."""

import pytest

from compute.judge.checkers import checker_named
from compute.judge.verdict import FailureClass, failure_class, first_failure


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("AAAAA", "S"),
        ("AATTT", "O"),
        ("AAMO", "O"),
        ("ATTW", "C"),
        ("AR", "C"),
        ("CCC", "C"),
        ("NNN", "N"),
        ("AWI", "I"),
        ("ITT", "I"),
        ("AA--", "S"),
        ("AT--", "O"),
    ],
)
def test_the_class_follows_precedence_over_all_letters(letters, expected):
    assert failure_class(letters) == FailureClass(expected)


@pytest.mark.parametrize(("letters", "expected"), [("ATW", "O"), ("AWT", "C"), ("AAA", "S"), ("-TW", "O"), ("NN", "N")])
def test_the_first_failure_is_what_a_judge_that_stops_early_would_say(letters, expected):
    assert first_failure(letters) == FailureClass(expected)


@pytest.mark.parametrize("classify", [failure_class, first_failure])
@pytest.mark.parametrize("letters", ["", "---"])
def test_a_sample_without_a_result_has_no_class(classify, letters):
    with pytest.raises(ValueError, match="No test"):
        classify(letters)


@pytest.mark.parametrize("letters", ["X", "a", "A W"])
def test_an_unknown_letter_is_refused(letters):
    with pytest.raises(ValueError, match="not a valid Verdict"):
        failure_class(letters)


@pytest.mark.parametrize(
    ("checker", "output", "expected", "accepted"),
    [
        ("tokens", b"1 2\n3", b"1 2 3\n", True),
        ("tokens", b"1 2 3 4", b"1 2 3", False),
        ("tokens", b"12", b"1 2", False),
        ("tokens", b"", b"\n", True),
        ("tokens", b"YES", b"Yes", False),
        ("tokens case_insensitive", b"YES", b"Yes", True),
        ("tokens", b"0.30000000000000004", b"0.3", False),
        ("tokens float_tolerance 1e-6", b"0.30000000000000004 x", b"0.3 x", True),
        ("tokens float_absolute_tolerance 0.5", b"10.6", b"10", False),
        ("tokens float_relative_tolerance 0.1", b"10.6", b"10", True),
        ("tokens float_tolerance 1", b"nan", b"1", False),
        ("tokens float_tolerance 1", b"1_0", b"10", False),
        ("exact", b"1\n", b"1", False),
        ("exact", b"1\n", b"1\n", True),
    ],
)
def test_checkers_compare_bytes(checker, output, expected, accepted):
    assert checker_named(checker)(output, expected) is accepted


@pytest.mark.parametrize(
    "name", ["", "words", "exact x", "tokens loosely", "tokens float_tolerance", "tokens float_tolerance -1"]
)
def test_an_unknown_checker_or_option_is_refused(name):
    with pytest.raises((ValueError, IndexError)):
        checker_named(name)
