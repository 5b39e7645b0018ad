"""What an audit concludes from verdicts that are already there."""

import json

import pytest

from compute.problems.audit import (
    MARKS,
    JudgedProgram,
    ProblemAudit,
    Trial,
    audit_problem,
    audit_set,
    in_words,
    readable_seconds,
)
from compute.problems.problem import Problem, TestCase

GROUPS = (1, 1, 2, 3)
SIZES = (10, 40, 200, 1000)


def problem(sizes: tuple[int, ...] = SIZES, groups: tuple[int, ...] = GROUPS, slug: str = "one") -> Problem:
    return Problem(
        slug=slug,
        title="",
        statement="",
        difficulty="hard",
        cpu_seconds=1,
        memory_bytes=1 << 28,
        tests=tuple(
            TestCase(
                identifier=f"t{place}",
                group=group,
                input="0" * 64,
                output="0" * 64,
                size_bytes=size,
                reference_seconds=0,
            )
            for place, (group, size) in enumerate(zip(groups, sizes, strict=True), start=1)
        ),
    )


def judged(declared: str, *letters: str, seconds: float = 0.1) -> JudgedProgram:
    """A program whose last test takes longest; `letters` of each repeat. Declared verdicts are separated by spaces."""
    trials = tuple(Trial(one, (*[0.01] * (len(one) - 1), seconds)) for one in letters)
    return JudgedProgram(f"{declared} {letters[0]}", "python", tuple(declared.split()), trials)


def audited(*programs: JudgedProgram, of: Problem | None = None, safety_factor: float = 5.0) -> ProblemAudit:
    return audit_problem(of or problem(), programs, safety_factor)


GOOD = judged("AC", "AAAA")
SLOW = judged("TLE", "AAAT", seconds=1.3)


def test_each_level_counts_the_slow_programs_that_its_tests_stop() -> None:
    found = audited(GOOD, SLOW, judged("TLE", "AATT"), judged("TLE", "AAAA"))
    assert found.slow_programs == 3
    assert found.slow_caught == (0, 1, 2)
    assert found.level_largest_bytes == (40, 200, 1000)
    assert found.size_ratio == 100


@pytest.mark.parametrize(
    ("program", "slow"),
    [
        (judged("TLE", "AAAA"), True),
        (judged("", "AAAT"), True),
        (judged("", "TTTT"), True),
        (judged("WA RE TLE", "AAAT"), True),
        (judged("AC", "AAAT"), False),
        (judged("TLE", "AWTT"), False),
        (judged("", "AAAA"), False),
        (judged("", "AAMT"), False),
        (judged("WA TLE", "AAAA"), False),
        (judged("TLE", "AAIA"), False),
        (judged("TLE", "AAIT"), False),
    ],
    ids=lambda value: value.name if isinstance(value, JudgedProgram) else str(value),
)
def test_slow_but_correct_is_declared_too_slow_or_stopped_by_time_alone(program: JudgedProgram, slow: bool) -> None:
    assert audited(program).slow_programs == slow


def test_the_reference_is_the_slowest_accepted_program_at_its_worst_test() -> None:
    found = audited(GOOD, judged("AC", "AAAA", seconds=0.24), SLOW, judged("TLE", "AAAA", seconds=0.9))
    assert (found.reference_seconds, found.reference_share) == (0.24, 0.24)
    assert found.suggested_cpu_seconds == 1.5


def test_load_only_adds_so_the_least_time_of_the_repeats_counts() -> None:
    trials = (Trial("AAAA", (0.1, 0.1, 0.1, 0.4)), Trial("AAAA", (0.3, 0.1, 0.1, 0.2)))
    assert audited(JudgedProgram("noisy", "python", ("AC",), trials)).reference_seconds == 0.2


def test_a_program_declared_accepted_that_is_too_slow_still_bounds_the_suggested_limit() -> None:
    found = audited(judged("AC", "AAAT", seconds=1.3))
    assert found.suggested_cpu_seconds == 8.0
    assert {"accepted-rejected", "declared-differs", "limit-too-tight"} <= set(found.marks)


def test_without_an_accepted_program_no_limit_is_suggested() -> None:
    found = audited(SLOW)
    assert (found.reference_seconds, found.reference_share, found.suggested_cpu_seconds) == (None, None, None)
    assert "no-accepted-program" in found.marks


@pytest.mark.parametrize(
    ("seconds", "readable"),
    [(0.0001, 0.01), (0.011, 0.015), (0.1, 0.1), (0.5000000000001, 0.5), (0.51, 0.6), (1.01, 1.5), (6.1, 8), (11, 15)],
)
def test_suggested_limits_are_rounded_up_to_readable_numbers(seconds: float, readable: float) -> None:
    assert readable_seconds(seconds) == readable


def test_a_suite_that_does_its_work_has_no_marks() -> None:
    assert audited(GOOD, SLOW).marks == ()


@pytest.mark.parametrize(
    ("programs", "mark"),
    [
        ((GOOD, judged("WA", "AWAA")), "coverage-cannot-matter"),
        ((GOOD, judged("TLE", "AAAA")), "coverage-cannot-matter"),
        ((GOOD, judged("TLE", "AAAA")), "time-never-binds"),
        ((GOOD,), "no-slow-program"),
        ((SLOW,), "no-accepted-program"),
        ((GOOD, judged("AC", "AAAW")), "accepted-rejected"),
        ((GOOD, judged("WA", "AAAA")), "declared-differs"),
        ((GOOD, judged("TLE", "AAAT", "AAAA")), "unstable"),
        ((judged("AC", "AAAA", seconds=0.51),), "limit-too-tight"),
    ],
)
def test_each_mark_has_its_reason(programs: tuple[JudgedProgram, ...], mark: str) -> None:
    assert mark in audited(*programs).marks
    assert mark not in audited(GOOD, SLOW).marks
    assert MARKS[mark]


def test_good_programs_alone_do_not_say_that_coverage_cannot_matter() -> None:
    assert "coverage-cannot-matter" not in audited(GOOD, judged("", "AAAA")).marks


def test_tests_of_one_size_make_coverage_matter_only_where_a_known_program_shows_it() -> None:
    same = problem(sizes=(7, 7, 7, 7))
    assert "coverage-cannot-matter" in audited(GOOD, of=same).marks
    assert "coverage-cannot-matter" not in audited(GOOD, SLOW, of=same).marks


def test_unstable_pairs_are_named_and_counted_and_the_commonest_letter_stands() -> None:
    found = audited(judged("TLE", "AATT", "AAAT", "AATT"), judged("AC", "AAAA", "AAAA", "ATTA"))
    assert [program.unstable for program in found.programs] == [("t3",), ("t2", "t3")]
    assert [program.letters for program in found.programs] == ["AATT", "AAAA"]
    assert found.unstable == 3


def test_infrastructure_trouble_is_no_verdict() -> None:
    found = audited(judged("AC", "AAIA", "AAAA"), judged("WA", "AAAI", "AAAI"))
    assert [program.judged for program in found.programs] == ["AC", "JE"]
    assert [program.agrees for program in found.programs] == [True, None]
    assert (found.infrastructure, found.unstable) == (3, 0)


def test_a_set_adds_up_its_problems() -> None:
    audits = [
        audited(GOOD, SLOW),
        audited(GOOD, judged("TLE", "ATTT"), judged("TLE", "AAAA"), of=problem(SIZES, (1, 1, 2, 2))),
        audited(judged("", "AAAA", seconds=0.3), judged("WA", "AAAA"), of=problem((1, 2, 3, 4))),
    ]
    found = audit_set(audits, isolation="seccomp+rlimits", safety_factor=5)
    assert (found.problems, found.tests, found.levels, found.slow_programs) == (3, 12, 3, 3)
    assert found.slow_caught_rate == (0.3333, 0.3333, 0.6667)
    assert (found.size_ratio_median, found.reference_share_median, found.reference_share_max) == (100, 0.1, 0.3)
    assert (found.declared, found.agreeing, found.unstable) == (6, 4, 0)
    assert found.marks == {"coverage-cannot-matter": 2, "no-slow-program": 1, "declared-differs": 2}


@pytest.mark.parametrize(
    ("declared", "words"), [("", "—"), ("AC", "AC"), ("WA TLE", "WA or TLE"), ("WA RE TLE MLE OLE CE", "not AC")]
)
def test_declared_verdicts_are_shown_in_words(declared: str, words: str) -> None:
    assert in_words(declared.split()) == words


def test_figures_are_the_same_after_a_journey_through_json() -> None:
    found = audited(GOOD, SLOW)
    for figures in (found.as_dict(), audit_set([found], isolation="x", safety_factor=5).as_dict()):
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_an_empty_set_claims_nothing() -> None:
    found = audit_set([], isolation="x", safety_factor=5)
    assert (found.slow_caught_rate, found.size_ratio_median, found.reference_share_max) == (None, None, None)
