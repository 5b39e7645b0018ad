"""Checkpoints: their table, in lineage order or sorted, and the graph of who grew from whom."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from frontier_app import launch
from frontier_app.filters import CHECKPOINT_FIELDS
from frontier_app.models import Checkpoint
from frontier_app.tables import checkpoints as checkpoint_table
from frontier_app.tables.checkpoints import LINEAGE, ORIGINS, CheckpointRow
from frontier_app.tables.table import Table
from frontier_app.views.fetch import OpenStudy, open_view
from frontier_app.views.table_page import Line, Listing, Shown, chosen_grouping, difficulty_of, list_page

CHECKPOINTS = 50
ACTS = "parts/table_acts_checkpoints.html"
RUN_HEADING, MERGE_HEADING = "parts/table_heading_run.html", "parts/table_heading_merges.html"


@require_safe
def checkpoints(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_view(request, slug, "checkpoints")
    study = opened.study
    difficulty, difficulties = difficulty_of(request, study)
    table = Table("checkpoints", "checkpoints", request.GET, checkpoint_table.columns(study, difficulty), CHECKPOINTS)
    origin = request.GET.get("origin", "")
    in_lineage = table.sorting is None
    offered = checkpoint_table.groupings(study)

    def shown(keys: Sequence[int]) -> Shown:
        return Shown(checkpoint_table.rows_of(study, keys, difficulty, in_lineage))

    listing = Listing(
        table,
        CHECKPOINT_FIELDS,
        Checkpoint.objects.filter(study=study),
        shown,
        lambda row: _line(row, opened, in_lineage),
        offered,
        chosen_grouping(table, offered, checkpoint_table.configured),
        checkpoint_table.UNIT,
        natural=LINEAGE,
        narrowed=f"origin = {origin}" if origin in ORIGINS else "",
    )
    lineage = reverse("lineage", args=[slug])
    return list_page(
        request,
        opened,
        listing,
        difficulty=difficulty,
        difficulties=difficulties,
        origin=origin,
        origins=ORIGINS,
        lineage=lineage,
        most_evaluated=launch.MOST_RUNS,
    )


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
