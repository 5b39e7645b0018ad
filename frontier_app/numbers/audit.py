"""From rows to the numbers of the audit page: what a set's tests can tell apart, problem after problem.

Callers hand in a problem set of a study that the viewer may read. The judged programs, which make most of an audit,
leave the database only for the page of programs that is shown. Draws nothing, judges nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import F, IntegerField, JSONField, Q, QuerySet
from django.db.models.expressions import Func, Value
from django.db.models.functions import Coalesce

from compute.problems.audit import MARKS
from compute.stats.bootstrap import resampling_weights
from frontier_app.figures.audit import CaughtShare, ProblemFigures
from frontier_app.models import Problem, ProblemSet


class Kind(NamedTuple):
    """How a mark is told apart without its colour: `shape` is drawn by `templates/parts/mark.html`."""

    words: str
    shape: str


KINDS = {
    "accepted-rejected": Kind("accepted is rejected", "cross"),
    "declared-differs": Kind("declared differs", "cross"),
    "unstable": Kind("unstable", "wave"),
    "limit-too-tight": Kind("limit is tight", "triangle"),
    "time-never-binds": Kind("time never binds", "triangle"),
    "coverage-cannot-matter": Kind("coverage cannot matter", "bar"),
    "no-slow-program": Kind("no slow program", "ring"),
    "no-accepted-program": Kind("no accepted program", "ring"),
}
"""In the order in which a reader wants them: what is wrong first, what is only not known last."""
DISAGREE, UNSTABLE = "disagree", "unstable"


@dataclass(frozen=True)
class Mark:
    """A finding on a problem, or with `problems` how many have it."""

    code: str
    problems: int = 0

    @property
    def words(self) -> str:
        return KINDS[self.code].words if self.code in KINDS else self.code.replace("-", " ")

    @property
    def shape(self) -> str:
        return KINDS[self.code].shape if self.code in KINDS else "ring"

    @property
    def explanation(self) -> str:
        return MARKS.get(self.code, self.words)


def marks_of(codes: Sequence[str]) -> list[Mark]:
    return [Mark(code) for code in sorted(codes, key=_rank)]


def _rank(code: str) -> int:
    return list(KINDS).index(code) if code in KINDS else len(KINDS)


class _WithoutPrograms(Func):
    """A problem's audit without the programs, which are most of its bytes."""

    template = "(%(expressions)s - 'programs')"
    output_field = JSONField()


class _Length(Func):
    function = "jsonb_array_length"
    output_field = IntegerField()


def audited(problem_set: ProblemSet | None) -> QuerySet[Problem, Any]:
    """The audited problems with `found` (figures and marks), `programs` and `marked`: how many programs were judged and
    how many marks there are. Statements, tests and programs are left in the database."""
    rows = Problem.objects.filter(problem_set=problem_set) if problem_set else Problem.objects.none()
    nothing = Value([], output_field=JSONField())
    return (
        rows.exclude(audit={})
        .defer("statement", "tests", "audit")
        .annotate(
            found=_WithoutPrograms(F("audit")),
            programs=_Length(Coalesce(F("audit__programs"), nothing)),
            marked=_Length(Coalesce(F("audit__marks"), nothing)),
        )
    )


def found_of(row: Problem) -> dict[str, Any]:
    """The audit without its programs, of a row of `audited`."""
    return row.found  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Overview:
    """The figures at the head of the page. What an audit could not tell is None.

    `set_only`: the set's own figures come from the job that wrote it, and no problem was audited one by one.
    """

    problems: int
    audited: int
    programs: int
    set_only: bool
    figures: dict[str, Any]
    caught: list[CaughtShare] = field(default_factory=list)

    @property
    def marks(self) -> list[Mark]:
        counts = self.figures.get("marks") or {}
        return [Mark(code, counts[code]) for code in sorted(counts, key=_rank)]

    @property
    def last_caught(self) -> CaughtShare | None:
        return self.caught[-1] if self.caught else None

    @property
    def of_problems(self) -> int:
        """How many problems the medians are over."""
        return self.audited or int(self.figures.get("problems") or 0)

    @property
    def disagreeing(self) -> int | None:
        declared, agreeing = self.figures.get("declared"), self.figures.get("agreeing")
        return None if declared is None or agreeing is None else declared - agreeing


def overview(problem_set: ProblemSet | None, rows: QuerySet[Problem, Any]) -> Overview:
    """Of the whole set; two queries at any size."""
    total = Problem.objects.filter(problem_set=problem_set).count() if problem_set else 0
    problems = [(row.found, row.programs) for row in rows]
    figures = dict(problem_set.audit) if problem_set else {}
    return Overview(
        problems=total,
        audited=len(problems),
        programs=sum(programs for _, programs in problems),
        set_only=bool(figures) and not problems,
        figures=figures,
        caught=caught_shares([found for found, _ in problems]) if problems else caught_of_set(figures),
    )


def caught_of_set(figures: dict[str, Any]) -> list[CaughtShare]:
    """The shares that the job which wrote the set found; it tells no problems, so there is no interval."""
    rates, n = figures.get("slow_caught_rate") or [], figures.get("slow_programs") or 0
    return [CaughtShare(level, len(rates), rate, None, n) for level, rate in enumerate(rates, start=1)]


def caught_shares(found: Sequence[dict[str, Any]]) -> list[CaughtShare]:
    """The share of slow but correct programs that some test of the first g levels stops, with 95 % intervals over
    resampled problems; nothing where no such program is known."""
    known = [one for one in found if one.get("slow_programs")]
    levels = max((one["levels"] for one in known), default=0)
    n = np.array([one["slow_programs"] for one in known], dtype=np.float64)
    # A problem with fewer levels is whole at its last one.
    caught = np.array(
        [[one["slow_caught"][min(level, one["levels"] - 1)] for one in known] for level in range(levels)],
        dtype=np.float64,
    )
    shares = []
    for level in range(levels):
        half = None
        if len(known) > 1:
            weights = resampling_weights(len(known))
            replicates = (weights @ caught[level]) / (weights @ n)
            low, high = np.quantile(replicates, [0.025, 0.975])
            half = float(high - low) / 2
        shares.append(CaughtShare(level + 1, levels, float(caught[level].sum() / n.sum()), half, int(n.sum())))
    return shares


def problem_figures(rows: QuerySet[Problem, Any]) -> list[ProblemFigures]:
    """What the plots show of each audited problem."""
    return [
        ProblemFigures(
            slug=row.slug,
            limit_seconds=row.found["cpu_seconds"],
            reference_seconds=row.found.get("reference_seconds"),
            largest_bytes=row.found["level_largest_bytes"],
            size_ratio=row.found["size_ratio"],
        )
        for row in rows.order_by("position")
    ]


def limits(rows: QuerySet[Problem, Any]) -> list[dict[str, Any]]:
    """The suggested limits of all problems that have one, those that would change most first."""
    found = [
        {"slug": row.slug, "now": row.found["cpu_seconds"], "suggested": row.found["suggested_cpu_seconds"]}
        for row in rows
        if row.found.get("suggested_cpu_seconds")
    ]
    for one in found:
        one["factor"] = one["suggested"] / one["now"]
    return sorted(found, key=lambda one: (-abs(np.log(one["factor"])), one["slug"]))


class JudgedProgram(NamedTuple):
    """A known program as the audit judged it. `unstable` names the tests whose verdict differed between repeats."""

    slug: str
    name: str
    language: str
    declared: list[str]
    judged: str
    agrees: bool | None
    letters: str
    groups: list[int]
    max_cpu_seconds: float | None
    unstable: list[str]


@dataclass(frozen=True)
class JudgedPrograms:
    """One page of them: those whose verdict was not declared first, then unstable ones, then the rest by problem."""

    rows: list[JudgedProgram]
    total: int
    first: int
    pages: int
    page: int

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


_PROGRAMS = """
    FROM frontier_app_problem AS problem,
         jsonb_array_elements(problem.audit -> 'programs') WITH ORDINALITY AS entry (program, place)
    WHERE problem.problem_set_id = %s AND jsonb_typeof(problem.audit -> 'programs') = 'array'
"""
_WANTED = {
    DISAGREE: " AND program ->> 'agrees' = 'false'",
    UNSTABLE: " AND jsonb_array_length(program -> 'unstable') > 0",
}


def judged_programs(problem_set: ProblemSet, wanted: str, page: int, size: int) -> JudgedPrograms:
    """Two queries at any number of programs; `wanted` is one of `DISAGREE`, `UNSTABLE` or anything else for all."""
    condition = _PROGRAMS + _WANTED.get(wanted, "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*)" + condition, [problem_set.pk])
        total = cursor.fetchone()[0]
        pages = max(1, -(-total // size))
        page = min(max(page, 1), pages)
        cursor.execute(
            "SELECT problem.slug, program::text, jsonb_path_query_array(problem.tests, '$[*].group')::text"
            + condition
            + " ORDER BY program ->> 'agrees' = 'false' DESC NULLS LAST,"
            " jsonb_array_length(program -> 'unstable') DESC NULLS LAST, problem.position, place LIMIT %s OFFSET %s",
            [problem_set.pk, size, (page - 1) * size],
        )
        rows = [judged_program(slug, json.loads(text), json.loads(groups)) for slug, text, groups in cursor.fetchall()]
    return JudgedPrograms(rows, total, (page - 1) * size + 1, pages, page)


def judged_program(slug: str, record: dict[str, Any], groups: list[int]) -> JudgedProgram:
    """`record` is a `compute.problems.audit.ProgramAudit` as it was stored."""
    return JudgedProgram(
        slug=slug,
        name=record["name"],
        language=record["language"],
        declared=list(record.get("declared") or []),
        judged=record["judged"],
        agrees=record.get("agrees"),
        letters=record.get("letters") or "",
        groups=groups,
        max_cpu_seconds=record.get("max_cpu_seconds"),
        unstable=list(record.get("unstable") or []),
    )


def finding() -> Q:
    """Whether a problem has a mark that is a finding about it, and not only something that is not known."""
    return Q(audit__marks__has_any_keys=[code for code, kind in KINDS.items() if kind.shape != "ring"])
