"""Can this suite tell a slow program from a fast one? Asked before training, because most suites cannot.

Takes verdicts that somebody else measured; runs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from compute.problems.coverage import level_sizes
from compute.problems.problem import Problem

TOO_COSTLY = frozenset("TMO")


@dataclass(frozen=True)
class Audit:
    """`slow_caught_rate[g - 1]`: share of the slow but correct programs that some test of the first g levels stops,
    over `slow_programs` problems. `size_ratio_median`: largest over smallest test in bytes. `reference_share_max`: the
    reference's CPU time over the limit at its worst test. Figures without data are None."""

    problems: int
    tests: int
    levels: int
    slow_programs: int
    slow_caught_rate: tuple[float, ...] | None
    size_ratio_median: float | None
    reference_share_median: float | None
    reference_share_max: float | None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def audit(problems: Sequence[Problem], slow_letters: Mapping[str, str]) -> Audit:
    """`slow_letters`: for some problems, by slug, the verdict letters of a slow but correct program, one a test."""
    levels = max((problem.levels for problem in problems), default=0)
    known = [(problem, slow_letters[problem.slug]) for problem in problems if problem.slug in slow_letters]
    shares = [max(test.reference_seconds for test in problem.tests) / problem.cpu_seconds for problem in problems]
    ratios = [
        max(test.size_bytes for test in problem.tests) / max(1, min(test.size_bytes for test in problem.tests))
        for problem in problems
    ]
    return Audit(
        problems=len(problems),
        tests=sum(len(problem.tests) for problem in problems),
        levels=levels,
        slow_programs=len(known),
        slow_caught_rate=caught_rates(known, levels) if known else None,
        size_ratio_median=round(median(ratios), 1) if ratios else None,
        reference_share_median=round(median(shares), 4) if shares else None,
        reference_share_max=round(max(shares), 4) if shares else None,
    )


def caught_rates(known: Sequence[tuple[Problem, str]], levels: int) -> tuple[float, ...]:
    """Share of (problem, letters) in which a costly verdict stands within the first 1, 2, ..., `levels` levels."""
    caught = [0] * levels
    for problem, letters in known:
        sizes = level_sizes([test.group for test in problem.tests])
        for level in range(levels):
            caught[level] += not TOO_COSTLY.isdisjoint(letters[: sizes[min(level, len(sizes) - 1)]])
    return tuple(round(count / len(known), 4) for count in caught)
