"""Can this suite tell a slow program from a fast one? Asked before training, because most suites cannot.

Takes verdicts that somebody else measured; runs nothing. `compute.problems.auditing` measures them.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import NamedTuple

from compute.judge.verdict import SUITE_VERDICTS, Verdict, failure_class, suite_verdict
from compute.problems.coverage import level_sizes_of
from compute.problems.problem import Problem

TOO_COSTLY = frozenset("TMO")
NOT_CORRECT = frozenset("WRCN")
TIGHT_SHARE = 0.5
"""A reference that needs more of the limit leaves too little room for correct programs that differ from it."""

MARKS: dict[str, str] = {
    "coverage-cannot-matter": "coverage cannot matter: level 1 says of every known program what the full suite says",
    "time-never-binds": "time never binds: slow programs are known and no test stops any of them",
    "no-slow-program": "no slow but correct program is known",
    "no-accepted-program": "no accepted program is known, so no time limit can be suggested",
    "accepted-rejected": "a program declared accepted is rejected",
    "declared-differs": "a program's verdict is not one that its author declared",
    "unstable": "verdicts differ between repeats",
    "limit-too-tight": f"the limit is tight: an accepted program needs more than {TIGHT_SHARE:.0%} of it",
}

_ANY_FAILURE = frozenset(SUITE_VERDICTS.values()) - {"AC", "NP", "JE"}

# Suggested limits are one of these times a power of ten, and never below the least: shorter ones measure the machine.
READABLE = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
LEAST_SUGGESTED_SECONDS = 0.01


class Trial(NamedTuple):
    """One judging of a program on a whole suite: a letter and a CPU time a test, in size order."""

    letters: str
    cpu_seconds: tuple[float, ...]


class JudgedProgram(NamedTuple):
    """A known program with its repeats, at least one."""

    name: str
    language: str
    declared: tuple[str, ...]
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class ProgramAudit:
    """`letters`: of each test the verdict that came most often (the first of equals); infrastructure trouble counts
    only where nothing else came. `agrees`: None when nothing is declared or nothing was decided. `max_cpu_seconds`: the
    worst test by the least time of its repeats, since load only adds. `unstable`: tests whose letter differed."""

    name: str
    language: str
    declared: tuple[str, ...]
    judged: str
    letters: str
    agrees: bool | None
    max_cpu_seconds: float
    unstable: tuple[str, ...]


@dataclass(frozen=True)
class ProblemAudit:
    """What the known programs of a problem show of its tests.

    slow_programs: programs that are slow but correct; slow_caught: how many of them some test of the first g levels
    stops, one number a level. level_largest_bytes: largest input among the first g levels. size_ratio: largest over
    smallest input. reference_seconds: worst test of the slowest accepted program; one that is declared accepted and
    only too slow counts with the time until it was stopped, a lower bound. reference_share: of `cpu_seconds`.
    suggested_cpu_seconds: `readable_seconds` of that time x the safety factor. unstable: (program, test) pairs whose
    letter differed between repeats. infrastructure: runs without a verdict. marks: keys of `MARKS`.
    """

    slug: str
    levels: int
    tests: int
    cpu_seconds: float
    programs: tuple[ProgramAudit, ...]
    slow_programs: int
    slow_caught: tuple[int, ...]
    level_largest_bytes: tuple[int, ...]
    size_ratio: float
    reference_seconds: float | None
    reference_share: float | None
    suggested_cpu_seconds: float | None
    unstable: int
    infrastructure: int
    marks: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Fit for JSON."""
        return _listed(asdict(self))


@dataclass(frozen=True)
class Audit:
    """`slow_caught_rate[g - 1]`: share of the slow but correct programs that some test of the first g levels stops,
    over `slow_programs` programs. `size_ratio_median`: largest over smallest test in bytes. `reference_share_max`: the
    reference's CPU time over the limit at its worst test. `declared`: programs with a declared and a judged verdict,
    of which `agreeing` were declared so. `marks`: problems by mark. Figures without data are None."""

    problems: int
    tests: int
    levels: int
    slow_programs: int
    slow_caught_rate: tuple[float, ...] | None
    size_ratio_median: float | None
    reference_share_median: float | None
    reference_share_max: float | None
    declared: int | None = None
    agreeing: int | None = None
    unstable: int | None = None
    infrastructure: int | None = None
    marks: dict[str, int] = field(default_factory=dict)
    isolation: str | None = None
    safety_factor: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Fit for JSON."""
        return _listed(asdict(self))


def audit(problems: Sequence[Problem], slow_letters: Mapping[str, str]) -> Audit:
    """The audit of a set whose tests carry their reference's run times.

    `slow_letters`: for some problems, by slug, the verdict letters of a slow but correct program, one a test."""
    levels = max((problem.levels for problem in problems), default=0)
    known = [(problem, slow_letters[problem.slug]) for problem in problems if problem.slug in slow_letters]
    caught = [slow_caught(level_sizes_of(problem), [letters]) for problem, letters in known]
    shares = [max(test.reference_seconds for test in problem.tests) / problem.cpu_seconds for problem in problems]
    return Audit(
        problems=len(problems),
        tests=sum(len(problem.tests) for problem in problems),
        levels=levels,
        slow_programs=len(known),
        slow_caught_rate=_caught_rates(caught, levels, len(known)),
        size_ratio_median=_median([size_ratio(problem) for problem in problems], 1),
        reference_share_median=_median(shares, 4),
        reference_share_max=round(max(shares), 4) if shares else None,
    )


def audit_set(audits: Sequence[ProblemAudit], *, isolation: str, safety_factor: float) -> Audit:
    """The figures of a whole set from those of its problems."""
    levels = max((one.levels for one in audits), default=0)
    slow_programs = sum(one.slow_programs for one in audits)
    agreements = [program.agrees for one in audits for program in one.programs if program.agrees is not None]
    shares = [one.reference_share for one in audits if one.reference_share is not None]
    marks = Counter(mark for one in audits for mark in one.marks)
    return Audit(
        problems=len(audits),
        tests=sum(one.tests for one in audits),
        levels=levels,
        slow_programs=slow_programs,
        slow_caught_rate=_caught_rates([one.slow_caught for one in audits], levels, slow_programs),
        size_ratio_median=_median([one.size_ratio for one in audits], 1),
        reference_share_median=_median(shares, 4),
        reference_share_max=max(shares, default=None),
        declared=len(agreements),
        agreeing=sum(agreements),
        unstable=sum(one.unstable for one in audits),
        infrastructure=sum(one.infrastructure for one in audits),
        marks={mark: marks[mark] for mark in MARKS if marks[mark]},
        isolation=isolation,
        safety_factor=safety_factor,
    )


def audit_problem(problem: Problem, judged: Sequence[JudgedProgram], safety_factor: float) -> ProblemAudit:
    """The audit of one problem, by its own limit. `judged`: its known programs under that limit, all tests run."""
    programs = tuple(_program_audit(problem, one) for one in judged)
    sizes = level_sizes_of(problem)
    slow = [program.letters for program in programs if is_slow(program)]
    caught = slow_caught(sizes, slow)
    reference = max((one.max_cpu_seconds for one in programs if _is_reference(one)), default=None)
    figures = ProblemAudit(
        slug=problem.slug,
        levels=problem.levels,
        tests=len(problem.tests),
        cpu_seconds=problem.cpu_seconds,
        programs=programs,
        slow_programs=len(slow),
        slow_caught=caught,
        level_largest_bytes=tuple(max(test.size_bytes for test in problem.tests[:size]) for size in sizes),
        size_ratio=round(size_ratio(problem), 1),
        reference_seconds=None if reference is None else round(reference, 6),
        reference_share=None if reference is None else round(reference / problem.cpu_seconds, 4),
        suggested_cpu_seconds=None if reference is None else readable_seconds(reference * safety_factor),
        unstable=sum(len(program.unstable) for program in programs),
        infrastructure=sum(trial.letters.count(Verdict.INFRASTRUCTURE) for one in judged for trial in one.trials),
        marks=(),
    )
    marked = set(_marks(figures, sizes, one_size=len({test.size_bytes for test in problem.tests}) == 1))
    return replace(figures, marks=tuple(mark for mark in MARKS if mark in marked))


def is_slow(program: ProgramAudit) -> bool:
    """Slow but correct: nothing speaks against its answers, and it is declared too slow or judged so and no worse.

    A program that may be accepted by its author's word is not slow: if it is stopped, the limit is in doubt. Nor is one
    that infrastructure trouble left without a verdict somewhere: nobody knows whether that test would have stopped it.
    """
    letters = set(program.letters)
    if letters & NOT_CORRECT or Verdict.INFRASTRUCTURE in letters or "AC" in program.declared:
        return False
    return program.declared == ("TLE",) or letters in ({"T"}, {"A", "T"})


def in_words(declared: Sequence[str]) -> str:
    """Declared verdicts for people, as in "WA or TLE"."""
    return "not AC" if set(declared) == _ANY_FAILURE else " or ".join(declared) or "—"


def slow_caught(sizes: Sequence[int], slow_letters: Sequence[str]) -> tuple[int, ...]:
    """How many programs have a costly verdict within each level. `sizes`: tests in the first 1, 2, ... levels."""
    return tuple(sum(not TOO_COSTLY.isdisjoint(letters[:size]) for letters in slow_letters) for size in sizes)


def size_ratio(problem: Problem) -> float:
    """Largest over smallest input; an empty one counts as a byte."""
    sizes = [test.size_bytes for test in problem.tests]
    return max(sizes) / max(1, min(sizes))


def readable_seconds(seconds: float) -> float:
    """`seconds` rounded up to the next of `READABLE` times a power of ten, at least `LEAST_SUGGESTED_SECONDS`."""
    seconds = max(seconds, LEAST_SUGGESTED_SECONDS)
    power = 10.0 ** math.floor(math.log10(seconds))
    enough = (step for step in READABLE if step * power >= seconds * (1 - 1e-9))  # 0.1 x 5 must not become 0.6
    return float(f"{next(enough) * power:.6g}")


def _program_audit(problem: Problem, judged: JudgedProgram) -> ProgramAudit:
    given = [[letter for letter in letters if letter != Verdict.INFRASTRUCTURE] for letters in _by_test(judged)]
    letters = "".join(Counter(seen).most_common(1)[0][0] if seen else Verdict.INFRASTRUCTURE for seen in given)
    verdict = suite_verdict(letters)
    undecided = not judged.declared or Verdict.INFRASTRUCTURE in letters
    return ProgramAudit(
        name=judged.name,
        language=judged.language,
        declared=judged.declared,
        judged=verdict,
        letters=letters,
        agrees=None if undecided else verdict in judged.declared,
        max_cpu_seconds=round(max(map(min, zip(*(trial.cpu_seconds for trial in judged.trials), strict=True))), 6),
        unstable=tuple(test.identifier for test, seen in zip(problem.tests, given, strict=True) if len(set(seen)) > 1),
    )


def _by_test(judged: JudgedProgram) -> Iterator[tuple[str, ...]]:
    return zip(*(trial.letters for trial in judged.trials), strict=True)


def _is_reference(program: ProgramAudit) -> bool:
    """Whether its time bounds the limit from below: accepted, or declared so and stopped by nothing but time."""
    if program.declared and "AC" not in program.declared:
        return False
    return program.judged == "AC" or (program.declared == ("AC",) and set(program.letters) <= {"A", "T"})


def _marks(figures: ProblemAudit, sizes: Sequence[int], *, one_size: bool) -> Iterator[str]:
    programs = figures.programs
    decided = [program for program in programs if Verdict.INFRASTRUCTURE not in program.letters]
    tells = one_size or not all(map(_is_good, decided))  # good programs alone tell nothing of tests that differ in size
    if tells and _levels_agree(decided, sizes[0]):
        yield "coverage-cannot-matter"
    if figures.slow_programs and not figures.slow_caught[-1]:
        yield "time-never-binds"
    if not figures.slow_programs:
        yield "no-slow-program"
    if figures.reference_seconds is None:
        yield "no-accepted-program"
    if any(program.declared == ("AC",) and program.agrees is False for program in programs):
        yield "accepted-rejected"
    if any(program.agrees is False for program in programs):
        yield "declared-differs"
    if figures.unstable:
        yield "unstable"
    if figures.reference_share is not None and figures.reference_share > TIGHT_SHARE:
        yield "limit-too-tight"


def _is_good(program: ProgramAudit) -> bool:
    return program.judged == "AC" and (not program.declared or "AC" in program.declared)


def _levels_agree(programs: Sequence[ProgramAudit], first: int) -> bool:
    """Whether level 1, its `first` tests, says of every program what the suite says."""
    return all(failure_class(one.letters[:first]) is failure_class(one.letters) for one in programs)


def _caught_rates(caught: Sequence[Sequence[int]], levels: int, programs: int) -> tuple[float, ...] | None:
    """Over all problems; one with fewer levels has its full suite at the others. None without programs."""
    if not programs:
        return None
    counts = [sum(counts[min(level, len(counts) - 1)] for counts in caught) for level in range(levels)]
    return tuple(round(count / programs, 4) for count in counts)


def _median(values: Sequence[float], digits: int) -> float | None:
    return round(median(values), digits) if values else None


def _listed(value: dict[str, object]) -> dict[str, object]:
    """The same with lists for tuples, as it comes back from JSON."""
    return {key: _list(part) for key, part in value.items()}


def _list(value: object) -> object:
    if isinstance(value, dict):
        return _listed(value)
    return [_list(part) for part in value] if isinstance(value, tuple) else value
