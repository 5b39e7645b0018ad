"""The order of tests and how many of them a coverage requires."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.problems import coverage as nested
from compute.problems.audit import audit
from compute.problems.coverage import level_required, level_sizes, size_order
from compute.problems.problem import Problem, TestCase


def case(identifier: str, group: int = 1, size: int = 1, seconds: float = 0.0, public: bool = False) -> TestCase:
    return TestCase(
        identifier=identifier,
        group=group,
        input="0" * 64,
        output="0" * 64,
        size_bytes=size,
        reference_seconds=seconds,
        public=public,
    )


def problem_with(groups: list[int], slug: str = "one") -> Problem:
    return Problem(
        slug=slug,
        title="",
        statement="",
        difficulty="hard",
        cpu_seconds=1,
        memory_bytes=1 << 28,
        tests=tuple(case(str(place), group, size=place + 1) for place, group in enumerate(groups)),
    )


def test_tests_are_ordered_by_group_then_samples_then_size_then_time_then_identifier() -> None:
    ordered = [
        case("sample", size=90, public=True),
        case("small", size=1),
        case("quick", size=5, seconds=0.1),
        case("slow a", size=5, seconds=0.2),
        case("slow b", size=5, seconds=0.2),
        case("next group", group=2, size=0),
    ]
    shuffled = ordered.copy()
    random.Random(1).shuffle(shuffled)
    assert size_order(shuffled) == ordered


def test_level_sizes_count_the_tests_of_the_first_groups() -> None:
    assert level_sizes([1, 1, 1, 2, 3, 3]) == [3, 4, 6]
    assert level_sizes([]) == []


@pytest.mark.parametrize(("coverage", "level"), [(0.01, 1), (0.2, 1), (0.4, 2), (0.41, 3), (0.6, 3), (0.8, 4), (1, 5)])
def test_five_levels_are_reached_at_fifths(coverage: float, level: int) -> None:
    assert level_required(5, coverage) == level


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_coverage_written_as_a_fraction_of_the_levels_means_that_level(levels: int, wanted: int) -> None:
    wanted = min(wanted, levels)
    assert level_required(levels, wanted / levels) == wanted


@given(st.integers(1, 100), st.fractions(Fraction(1, 1000), 1), st.fractions(Fraction(1, 1000), 1))
def test_more_coverage_never_requires_less(levels: int, one: Fraction, other: Fraction) -> None:
    low, high = sorted((float(one), float(other)))
    assert 1 <= level_required(levels, low) <= level_required(levels, high) <= levels


@pytest.mark.parametrize("coverage", [0, -0.2, 1.01, float("nan")])
def test_a_coverage_outside_its_range_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        level_required(5, coverage)


def test_groups_are_required_whole_and_tests_singly_when_there_is_one_group() -> None:
    assert nested.tests_required(problem_with([1, 1, 1, 2, 3, 4, 5]), 0.4) == 4
    assert nested.tests_required(problem_with([1, 1, 1, 1, 1, 1, 1]), 0.4) == 3


@given(st.integers(0, 9), st.sampled_from([0.2, 0.4, 0.8, 1.0]), st.sampled_from([0.2, 0.4, 0.8, 1.0]))
def test_random_tests_are_as_many_as_the_level_requires_and_nest_in_size_order(seed, one, other) -> None:
    problem = problem_with([1, 1, 1, 2, 3, 4, 5])
    low, high = sorted((one, other))

    few, many = (nested.random_tests(problem, coverage, seed) for coverage in (low, high))

    names = [[int(test.identifier) for test in drawn.tests] for drawn in (few, many)]
    assert [len(drawn) for drawn in names] == [nested.tests_required(problem, coverage) for coverage in (low, high)]
    assert names == [sorted(drawn) for drawn in names]
    assert set(names[0]) <= set(names[1])
    assert nested.random_tests(problem, low, seed) == few


def test_random_tests_come_from_the_whole_suite_and_differ_by_seed_and_problem() -> None:
    problem, other = problem_with([1, 2, 3, 4, 5]), problem_with([1, 2, 3, 4, 5], slug="other")
    first = [nested.random_tests(problem, 0.2, seed).tests[0].identifier for seed in range(60)]
    assert set(first) == {"0", "1", "2", "3", "4"}
    assert first != [nested.random_tests(other, 0.2, seed).tests[0].identifier for seed in range(60)]


def test_an_audit_counts_the_slow_programs_caught_by_each_level() -> None:
    problems = [problem_with([1, 2, 2, 3], slug) for slug in ("early", "late", "never", "unknown")]
    result = audit(problems, {"early": "ATT-", "late": "AAAM", "never": "AAAA"})
    assert result.slow_programs == 3
    assert result.slow_caught_rate == (0.0, 0.3333, 0.6667)
    assert (result.problems, result.tests, result.levels) == (4, 16, 3)
    assert result.size_ratio_median == 4.0


def test_an_audit_without_slow_programs_claims_nothing() -> None:
    assert audit([problem_with([1])], {}).slow_caught_rate is None
    assert audit([], {}).size_ratio_median is None
