"""The samples behind one cell: which ones a filter leaves, one of them with its program, one test with what is known.

Callers hand in an evaluation of a study that the viewer may read, and hold the right to read programs. A list is one
page of one evaluation, found by the index on (evaluation, problem, index), and never counted beyond `MOST_COUNTED`.
Of hidden tests only level, size and result are known here: their bytes are in no row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from django.db import DataError
from django.db.models import Q, QuerySet

from compute.rollout.transcript import ENDS, Transcript, read_transcript
from frontier_app.filters import SAMPLE_FIELDS, compile_filter, patience
from frontier_app.models import Evaluation, Problem, Program, Sample

Found = TypeVar("Found")
PAGE = 50
MOST_COUNTED = 10_000
MOST_PAGES = 10_000
CLASSES = "SOCNI"
LETTERS = "ATMOWRCNI"
PASSED = "A-"
LONGEST_TEXT = 400


class SampleFilterError(ValueError):
    """What was asked for cannot be answered; the message is one sentence, `field` the parameter that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Asked:
    """The filters of an address. "" and empty mean that nothing is asked."""

    classes: str = ""
    letter: str = ""
    ended: str = ""
    level: int | None = None
    least_tokens: int | None = None
    most_tokens: int | None = None
    text: str = ""
    regex: bool = False
    q: str = ""

    @property
    def any(self) -> bool:
        return self != Asked()


@dataclass(frozen=True)
class Line:
    """One row of the list. `fails_at` is the place of its first failing test, None where it failed none."""

    sample: Sample
    groups: Sequence[int]

    @property
    def key(self) -> str:
        return f"{self.sample.problem.slug}:{self.sample.index}"

    @property
    def fails_at(self) -> int | None:
        return next((place for place, letter in enumerate(self.sample.letters) if letter not in PASSED), None)

    @property
    def first_test(self) -> int:
        """The number of the test that one wants to see first."""
        return (self.fails_at or 0) + 1

    @property
    def level(self) -> int | None:
        place = self.fails_at
        return None if place is None or place >= len(self.groups) else self.groups[place]


class Page(NamedTuple):
    """Rows of one page; `total` is None beyond `MOST_COUNTED`."""

    lines: list[Line]
    number: int
    more: bool
    total: int | None

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass(frozen=True)
class Test:
    """One test of one sample. Input and expected output are there for public tests alone."""

    __test__ = False

    number: int
    level: int
    level_name: str
    size_bytes: int
    public: bool
    letter: str
    milliseconds: int | None
    input_text: str | None
    output_text: str | None


@dataclass(frozen=True)
class Opened:
    """One sample with its program, the result on every test, and its transcript where it took turns."""

    line: Line
    problem: Problem
    program: str
    tests: list[Test] = field(default_factory=list)
    transcript: Transcript | None = None

    def test(self, number: int) -> Test | None:
        return self.tests[number - 1] if 0 < number <= len(self.tests) else None


def asked_by(query: Mapping[str, str], classes: Iterable[str]) -> Asked:
    """Raises SampleFilterError."""
    known = "".join(one for one in CLASSES if one in set(classes))
    unknown = sorted(set(classes) - set(CLASSES))
    if unknown:
        raise SampleFilterError("class", f"A class is one of {', '.join(CLASSES)}, not {unknown[0]!r}.")
    letter = query.get("letter", "")
    if letter and letter not in tuple(LETTERS):
        raise SampleFilterError("letter", f"A verdict is one of {', '.join(LETTERS)}, not {letter!r}.")
    ended = query.get("ended", "")
    if ended and ended not in ENDS:
        raise SampleFilterError("ended", f"An answer is one of {', '.join(ENDS)}, not {ended[:40]!r}.")
    text = query.get("text", "")
    if len(text) > LONGEST_TEXT:
        raise SampleFilterError("text", f"The text to look for has at most {LONGEST_TEXT} characters.")
    return Asked(
        classes=known,
        letter=letter,
        ended=ended,
        level=_whole(query, "level", 1),
        least_tokens=_whole(query, "least", 0),
        most_tokens=_whole(query, "most", 0),
        text=text,
        regex=query.get("regex") == "1",
        q=query.get("q", ""),
    )


def _whole(query: Mapping[str, str], name: str, least: int) -> int | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else -1
    if not least <= number < 2**31:
        raise SampleFilterError(name, f"This is a whole number from {least} on, not {text[:40]!r}.")
    return number


def matching(evaluation: Evaluation, problem: Problem | None, asked: Asked) -> "QuerySet[Sample]":
    """The samples that a filter leaves. Raises SampleFilterError and FilterError."""
    rows = Sample.objects.filter(evaluation=evaluation)
    if problem is not None:
        rows = rows.filter(problem=problem)
    if asked.classes:
        rows = rows.filter(failure_class__in=list(asked.classes))
    if asked.letter:
        rows = rows.filter(letters__contains=asked.letter)
    if asked.ended:
        rows = rows.filter(transcript__ended=asked.ended)
    if asked.level is not None:
        rows = rows.filter(_begins_to_fail(problem, asked.level))
    if asked.least_tokens is not None:
        rows = rows.filter(tokens__gte=asked.least_tokens)
    if asked.most_tokens is not None:
        rows = rows.filter(tokens__lte=asked.most_tokens)
    if asked.text:
        found = Program.objects.filter(**{"text__regex" if asked.regex else "text__contains": asked.text})
        rows = rows.filter(program__in=found.values("pk"))
    return rows.filter(compile_filter(asked.q, SAMPLE_FIELDS)).order_by("problem_id", "index")


def _begins_to_fail(problem: Problem | None, level: int) -> Q:
    """The first failing test in size order is one of the level's own."""
    if problem is None:
        raise SampleFilterError("level", "Choose a problem as well: levels hold different tests in each.")
    places = [place for place, group in enumerate(problem.test_groups) if group == level]
    if not places:
        raise SampleFilterError("level", f"{problem.slug} has no test level {level}.")
    within = places[-1] - places[0]
    return Q(letters__regex=rf"^[A-]{{{places[0]}}}[A-]{{0,{within}}}[^A-]")


def page_of(rows: "QuerySet[Sample]", number: int, *, with_turns: bool = False) -> Page:
    """One page, and how many rows there are as far as that is counted; `with_turns`: their transcripts without text.
    Three queries. Raises SampleFilterError and FilterError where the database refuses a pattern or takes too long."""
    number = min(max(number, 1), MOST_PAGES)
    start = (number - 1) * PAGE
    shown = rows.select_related("problem").defer("problem__statement", "problem__tests", "problem__audit")
    if with_turns:
        shown = shown.select_related("transcript").defer("transcript__text")
    found, total = refusing_patterns(
        lambda: (list(shown[start : start + PAGE + 1]), rows.order_by()[: MOST_COUNTED + 1].count())
    )
    groups = groups_of({one.problem_id for one in found})
    lines = [Line(one, groups.get(one.problem_id, ())) for one in found[:PAGE]]
    return Page(lines, number, len(found) > PAGE, total if total <= MOST_COUNTED else None)


def refusing_patterns(read: Callable[[], Found]) -> Found:
    """What `read` finds in the database. Raises SampleFilterError for a pattern that is no regular expression, and
    FilterError where the database takes too long."""
    try:
        with patience():
            return read()
    except DataError as error:
        reason = str(error).splitlines()[0].removeprefix("invalid regular expression: ")
        raise SampleFilterError("text", f"This is not a regular expression: {reason}.") from None


def groups_of(problems: Iterable[int]) -> dict[int, list[int]]:
    """The level of each test of some problems."""
    rows = Problem.objects.filter(pk__in=problems).only("tests")
    return {one.pk: one.test_groups for one in rows}


def open_sample(evaluation: Evaluation, key: str) -> Opened | None:
    """The sample that `key` ("problem:index") names, with its program; None where there is none such."""
    slug, _, index = key.rpartition(":")
    if not index.isascii() or not index.isdigit() or len(index) > 9:
        return None
    rows = Sample.objects.select_related("problem__problem_set", "program", "transcript")
    sample = rows.filter(evaluation=evaluation, problem__slug=slug, problem__problem_set=evaluation.problem_set_id,
                         index=int(index)).first()  # fmt: skip
    if sample is None:
        return None
    problem = sample.problem
    sample.evaluation = evaluation
    return Opened(
        line=Line(sample, problem.test_groups),
        problem=problem,
        program=sample.program.text if sample.program else "",
        tests=[_test(problem, sample, place, test) for place, test in enumerate(problem.tests)],
        transcript=read_transcript(sample.transcript.text) if sample.transcript else None,
    )


def _test(problem: Problem, sample: Sample, place: int, test: Mapping) -> Test:
    letter = sample.letters[place] if place < len(sample.letters) else "-"
    times = sample.test_milliseconds
    public = bool(test.get("public"))
    level = int(test["group"])
    return Test(
        number=place + 1,
        level=level,
        level_name=problem.level_names[level - 1] if level <= len(problem.level_names) else "",
        size_bytes=int(test["size_bytes"]),
        public=public,
        letter=letter,
        milliseconds=times[place] if place < len(times) and letter not in "-N" else None,
        input_text=test.get("input_text") if public else None,
        output_text=test.get("output_text") if public else None,
    )
