"""The table of a study's evaluations: sorted, grouped and compared by the rates on one difficulty."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import HELD_OUT_FIELDS
from frontier_app.models import Evaluation, Problem
from frontier_app.tables import evaluations as evaluation_table
from frontier_app.tables.evaluations import EvaluationRow
from frontier_app.tables.table import Table
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.table_page import (
    Line,
    Listing,
    Shown,
    baseline_of,
    chosen_grouping,
    difficulty_of,
    list_page,
)

EVALUATIONS = 50
ACTS = "parts/table_acts_evaluations.html"


@require_safe
def evaluations(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "evaluations")
    study = opened.study
    difficulty, difficulties = difficulty_of(request, study)
    columns = evaluation_table.columns(study, difficulty)
    table = Table("evaluations", "evaluations", request.GET, columns, EVALUATIONS)
    everything = Evaluation.objects.filter(study=study)
    offered = evaluation_table.groupings(columns)
    by = chosen_grouping(table, offered, evaluation_table.configured)
    baseline = baseline_of(table, by, everything)
    problems = Problem.objects.filter(problem_set=study.held_out_set_id).count()

    def shown(keys: Sequence[int]) -> Shown:
        return Shown(*evaluation_table.rows_of(study, keys, difficulty, problems, baseline))

    listing = Listing(
        table,
        HELD_OUT_FIELDS,
        everything,
        shown,
        lambda row: _line(row, opened, table),
        offered,
        by,
        evaluation_table.UNIT,
        baseline,
        natural=("-pk",),
    )
    return list_page(request, opened, listing, difficulty=difficulty, difficulties=difficulties)


def _line(row: EvaluationRow, opened: OpenStudy, table: Table) -> Line:
    href = reverse("evaluation", args=[opened.study.slug, row.key])
    pin = table.address(baseline=None if table.baseline == row.key else row.key)
    return Line(
        row, row.evaluation.pk, row.key, row.evaluation.checkpoint.name, href if opened.is_member else "", pin, ACTS
    )
