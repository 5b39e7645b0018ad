"""The table of a study's evaluations: sorted, grouped and compared by the rates on one difficulty."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import EVALUATION_FIELDS
from frontier_app.filters.fields import Fields, number
from frontier_app.models import Evaluation, Problem
from frontier_app.tables import evaluations as evaluation_table
from frontier_app.tables.evaluations import EvaluationRow
from frontier_app.tables.table import Table
from frontier_app.views import table_page
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page
from frontier_app.views.table_page import Line, difficulty_of, page_of, read_filter, table_context

EVALUATIONS = 50
ACTS = "parts/table_acts_evaluations.html"
NATURAL = ("-pk",)


@require_safe
def evaluations(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "evaluations")
    study = opened.study
    difficulty, difficulties = difficulty_of(request, study)
    columns = evaluation_table.columns(study, difficulty)
    table = Table("evaluations", "evaluations", request.GET, columns, EVALUATIONS)
    filtered = read_filter(request, own_fields())
    everything = Evaluation.objects.filter(study=study)
    choices = evaluation_table.group_choices(columns)
    by = evaluation_table.group_key(table.group)
    baseline = everything.filter(reference=table.baseline).first() if table.baseline else None
    problems = Problem.objects.filter(problem_set=study.held_out_set_id).count()

    def shown(keys: Sequence[int]) -> list[EvaluationRow]:
        return evaluation_table.rows_of(study, keys, difficulty, problems, baseline)[0]

    if "format" in request.GET and not filtered.error:
        rows, name, format = everything.filter(filtered.condition), f"{slug}-evaluations", request.GET["format"]
        if by is not None:
            return table_page.groups_file(table, rows, by, evaluation_table.UNIT, name, format)
        return table_page.rows_file(table, rows, NATURAL, shown, name, format)
    context: dict[str, object] = {"group_choices": table.groups(choices)}
    if by is not None:
        rows = everything.filter(filtered.condition)
        context |= table_page.groups_context(table, rows, by, evaluation_table.UNIT, table.group, choices)
    else:
        filtered, keys = page_of(table, filtered, everything, *NATURAL)
        lines, pinned = evaluation_table.rows_of(study, keys, difficulty, problems, baseline)
        context["lines"] = [_line(row, opened, table) for row in lines]
        context["pinned"] = _line(pinned, opened, table) if pinned else None
    made = table_context(
        opened,
        "evaluations",
        table,
        filtered,
        difficulty=difficulty,
        difficulties=difficulties,
        any=table.total > 0 or everything.exists(),
        **context,
    )
    return render_page(request, "evaluations.html", made, parts=("rows",), status=filtered.status)


def own_fields() -> Fields:
    """What evaluations can be filtered by here: a merge has the seed of its path."""
    seed = number("seed", lambda: evaluation_table.SEED, "the training seed")
    return EVALUATION_FIELDS.without("seed").plus(seed)


def _line(row: EvaluationRow, opened: OpenStudy, table: Table) -> Line:
    href = reverse("evaluation", args=[opened.study.slug, row.key])
    pin = table.address(baseline=None if table.baseline == row.key else row.key)
    return Line(
        row, row.evaluation.pk, row.key, row.evaluation.checkpoint.name, href if opened.is_member else "", pin, ACTS
    )
