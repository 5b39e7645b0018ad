"""Nested unit-test coverage: the order of tests and how many of them a level requires.

Coverage c in (0, 1] requires the first tests in size order: by whole levels when the problem has several, else by
number. Levels nest by construction, since each is a prefix. Knows no verdicts and no rewards.
"""

import hashlib
import math
import random
from collections.abc import Sequence

from compute.problems.problem import Problem, TestCase

SIZE_LEVELS = 5
"""Levels of an imported suite that has no groups of its own."""

# 0.6 * 5 is 3.0000000000000004 in some roundings of 0.6: a coverage means the nearest level within this distance.
_SLACK = 1e-9


def size_order(tests: Sequence[TestCase]) -> list[TestCase]:
    """The order of coverage: groups first, public samples first within a group, then size of the input, then the
    reference's run time, then identifier."""
    return sorted(
        tests,
        key=lambda test: (test.group, not test.public, test.size_bytes, test.reference_seconds, test.identifier),
    )


def level_sizes(groups: Sequence[int]) -> list[int]:
    """Number of tests in the first 1, 2, ..., G groups. `groups`: the group of each test, ascending from 1."""
    return [sum(group <= level for group in groups) for level in range(1, max(groups, default=0) + 1)]


def level_sizes_of(problem: Problem) -> list[int]:
    """Number of tests in each of the problem's levels, which nest."""
    return level_sizes([test.group for test in problem.tests])


def with_size_levels(tests: Sequence[TestCase], levels: int = SIZE_LEVELS) -> list[TestCase]:
    """The tests of a suite without groups, in size order, dealt to nested levels: level g of L holds the first
    max(1, ceil(g / L x N)) tests. With fewer tests than levels each test is a level. Whatever groups they had is lost.
    """
    ordered = size_order([test.model_copy(update={"group": 1}) for test in tests])
    levels = min(levels, len(ordered))
    ends = [math.ceil(level * len(ordered) / levels - _SLACK) for level in range(1, levels + 1)]
    groups = [next(level for level, end in enumerate(ends, start=1) if place < end) for place in range(len(ordered))]
    return [test.model_copy(update={"group": group}) for test, group in zip(ordered, groups, strict=True)]


def level_required(levels: int, coverage: float) -> int:
    """The first ceil(coverage x levels) of `levels`, at least one. Raises ValueError unless 0 < coverage <= 1."""
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must lie in (0, 1], not {coverage}")
    return max(1, math.ceil(coverage * levels - _SLACK))


def tests_required(problem: Problem, coverage: float) -> int:
    """K: the first K tests of `problem` must pass at this coverage. Raises ValueError unless 0 < coverage <= 1.

    An imported suite without groups of its own has `SIZE_LEVELS` levels, or a level a test where it has fewer tests:
    there too a coverage means the next whole level. Only a problem of one level is divided by number of tests.
    """
    if problem.levels == 1:
        return level_required(len(problem.tests), coverage)
    return level_sizes_of(problem)[level_required(problem.levels, coverage) - 1]


def random_tests(problem: Problem, coverage: float, seed: int) -> Problem:
    """The problem with as many tests as `coverage` requires, drawn from the whole suite instead of taken from its
    beginning: the control that separates larger tests from more tests.

    The draw is named by the seed and the slug, keeps the tests in size order, and nests as levels do: a lower coverage
    draws some of what a higher one draws. The result has one level. Raises ValueError unless 0 < coverage <= 1.
    """
    digest = hashlib.sha256(f"{seed}\n{problem.slug}".encode()).digest()
    places = list(range(len(problem.tests)))
    random.Random(digest).shuffle(places)
    drawn = sorted(places[: tests_required(problem, coverage)])
    tests = tuple(problem.tests[place].model_copy(update={"group": 1}) for place in drawn)
    return problem.model_copy(update={"tests": tests, "level_names": ()})
