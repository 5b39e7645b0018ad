"""The problems of a set as a list: which evaluations it shows, what it can be filtered and sorted by, and its counts.

Callers hand in a study that the viewer may read and one of its problem sets. Counts are `Rollup`'s, judged on whole
suites; nothing here reads a sample.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Count, F, FloatField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf

from frontier_app.filters import PROBLEM_FIELDS, Field, Fields
from frontier_app.filters.values import Kind
from frontier_app.models import Evaluation, Problem, ProblemSet, Rollup, Study
from frontier_app.numbers.audit import Mark, finding, marks_of

# Where the list shows how the answers to a problem change along the newest path.
SHOWN_ALPHAS = (0.0, 0.5, 1.0)
MOST_ON_A_PATH = 500
SORTED_BY = ("name", "difficulty", "tests", "cpu_limit")


class Cell(NamedTuple):
    """A problem at one evaluation that judged samples of it."""

    counts: Rollup

    @property
    def solve_rate(self) -> float:
        return self.counts.solved / self.counts.n


class ProblemRow(NamedTuple):
    """A problem with its cell at each shown evaluation, None where nothing is judged."""

    problem: Problem
    marks: list[Mark]
    cells: list[Cell | None]


def problems_of(problem_set: ProblemSet | None) -> QuerySet[Problem]:
    return Problem.objects.filter(problem_set=problem_set) if problem_set else Problem.objects.none()


def shown_evaluations(study: Study, problem_set: ProblemSet | None) -> list[Evaluation]:
    """The measured points of the newest path nearest to `SHOWN_ALPHAS`."""
    path = study.paths.newest()
    if path is None or problem_set is None:
        return []
    measured = Evaluation.objects.filter(path=path, problem_set=problem_set, samples_done__gt=0, alpha__isnull=False)
    found = list(measured.select_related("checkpoint", "problem_set")[:MOST_ON_A_PATH])
    nearest = {min(found, key=lambda one: abs((one.alpha or 0) - at)) for at in SHOWN_ALPHAS} if found else set()
    return sorted(nearest, key=lambda one: one.alpha or 0)


def solve_rate_at(evaluation: Evaluation) -> Combinable:
    """The share of a problem's samples that pass its whole suite; missing where there are none."""
    rows = Rollup.objects.filter(
        evaluation=evaluation.pk, problem=OuterRef("pk"), level=evaluation.problem_set.levels
    ).annotate(share=Cast(F("solved"), FloatField()) / NullIf(F("n"), 0))
    return Subquery(rows.values("share"), output_field=FloatField())


def fields_at(evaluations: Sequence[Evaluation]) -> Fields:
    """What problems can be filtered and sorted by, where these evaluations are shown."""
    return PROBLEM_FIELDS.plus(
        *(
            Field(
                f"solve_rate.{one.alpha:g}",
                Kind.NUMBER,
                lambda one=one: solve_rate_at(one),  # type: ignore[misc]
                f"the share of its samples solved at a = {one.alpha:g}",
            )
            for one in evaluations
        )
    )


def in_order(rows: QuerySet[Problem], sort: str, fields: Fields) -> QuerySet[Problem]:
    """The rows by the field that `sort` names, downwards with a minus before it; missing values come last and ties
    keep the order of the set. Anything else is the order of the set."""
    found = fields.find(sort.removeprefix("-"))
    if found is None or not (found.name in SORTED_BY or found.name.startswith("solve_rate.")):
        return rows.order_by("position")
    value = found.expression
    ordering = value.desc(nulls_last=True) if sort.startswith("-") else value.asc(nulls_last=True)  # type: ignore[attr-defined]
    return rows.order_by(ordering, "position")


def listed(rows: QuerySet[Problem]) -> QuerySet[Problem]:
    """The rows without their statements and known programs."""
    return rows.defer("statement", "audit").annotate(marks=KT("audit__marks"))


def with_counts(rows: Sequence[Problem], evaluations: Sequence[Evaluation]) -> list[ProblemRow]:
    """The rows of `listed`, with one query for all counts."""
    cells: dict[int, dict[int, Cell]] = defaultdict(dict)
    whole = Rollup.objects.filter(
        evaluation__in=evaluations, problem__in=rows, level=F("evaluation__problem_set__levels"), n__gt=0
    )
    for rollup in whole:
        cells[rollup.problem_id][rollup.evaluation_id] = Cell(rollup)
    return [
        ProblemRow(
            problem,
            marks_of(json.loads(marks) if (marks := getattr(problem, "marks", None)) else ()),
            [cells[problem.pk].get(evaluation.pk) for evaluation in evaluations],
        )
        for problem in rows
    ]


def audit_counts(problem_set: ProblemSet | None) -> dict[str, int]:
    """How many of the set's problems are audited, and how many have a mark that is a finding."""
    return problems_of(problem_set).aggregate(
        audited=Count("pk", filter=~Q(audit={})), marked=Count("pk", filter=finding())
    )
