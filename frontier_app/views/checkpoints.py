"""Checkpoints: their table, in lineage order or sorted, and the graph of who grew from whom."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app.filters import CHECKPOINT_FIELDS
from frontier_app.models import Checkpoint
from frontier_app.tables import checkpoints as checkpoint_table
from frontier_app.tables.checkpoints import LINEAGE, ORIGINS, CheckpointRow
from frontier_app.tables.table import Table
from frontier_app.views import table_page
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.frame import render_page
from frontier_app.views.table_page import Line, difficulty_of, page_of, read_filter, table_context

CHECKPOINTS = 50
ACTS = "parts/table_acts_checkpoints.html"
RUN_HEADING, MERGE_HEADING = "parts/table_heading_run.html", "parts/table_heading_merges.html"


@require_safe
def checkpoints(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "checkpoints")
    study = opened.study
    difficulty, _ = difficulty_of(request, study)
    table = Table("checkpoints", "checkpoints", request.GET, checkpoint_table.columns(study, difficulty), CHECKPOINTS)
    filtered = read_filter(request, CHECKPOINT_FIELDS)
    origin = request.GET.get("origin", "")
    everything = Checkpoint.objects.filter(study=study)
    matching = everything.filter(origin=origin) if origin in ORIGINS else everything
    in_lineage = table.sorting is None

    def shown(keys: Sequence[int]) -> list[CheckpointRow]:
        return checkpoint_table.rows_of(study, keys, difficulty, in_lineage)

    if "format" in request.GET and not filtered.error:
        rows, format = matching.filter(filtered.condition), request.GET["format"]
        return table_page.rows_file(table, rows, LINEAGE, shown, f"{slug}-checkpoints", format)
    filtered, keys = page_of(table, filtered, matching, *LINEAGE)
    context = table_context(
        opened,
        "checkpoints",
        table,
        filtered,
        lines=[_line(row, opened, in_lineage) for row in shown(keys)],
        origin=origin,
        origins=ORIGINS,
        lineage=reverse("lineage", args=[slug]),
        any=table.total > 0 or everything.exists(),
    )
    return render_page(request, "checkpoints.html", context, parts=("rows",), status=filtered.status)


def _line(row: CheckpointRow, opened: OpenStudy, in_lineage: bool) -> Line:
    heading = RUN_HEADING if row.run_heading else MERGE_HEADING if row.merge_heading else ""
    return Line(
        row,
        row.checkpoint.pk,
        row.key,
        row.checkpoint.name,
        _address(row, opened) if opened.is_member else "",
        "",
        ACTS,
        heading,
        row.depth if in_lineage else 0,
    )


def _address(row: CheckpointRow, opened: OpenStudy) -> str:
    """Its newest evaluation, else the job that makes it, else its place in the lineage."""
    slug = opened.study.slug
    if row.newest is not None:
        return reverse("evaluation", args=[slug, row.newest.reference])
    if row.checkpoint.made_by is not None:
        return row.checkpoint.made_by.get_absolute_url()
    return f"{reverse('lineage', args=[slug])}?{urlencode({'around': row.key})}"
