"""Checkpoints and where they come from: base, runs with what they wrote, paths with their merges."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from django.db.models import (
    Case,
    Count,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from frontier_app.models import Checkpoint, Evaluation, MergeIngredient, Path, Run, Study
from frontier_app.views.fetch import open_study
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

CHECKPOINTS = 100
ORIGINS = (Checkpoint.BASE, Checkpoint.TRAINED, Checkpoint.MERGED)


class Line(NamedTuple):
    """One line of the tree: a checkpoint, or (without one) the run or path that the lines below belong to.

    `alpha` is a merge's place on its path, None for any other recipe.
    """

    depth: int
    checkpoint: Checkpoint | None = None
    alpha: float | None = None
    run: Run | None = None
    ingredients: Sequence[MergeIngredient] = ()
    ends: tuple[int, int] = (0, 0)

    @property
    def low(self) -> Checkpoint | None:
        """The end of the path at alpha 0; `high` is the one at alpha 1."""
        return next((part.checkpoint for part in self.ingredients if part.checkpoint_id == self.ends[0]), None)

    @property
    def high(self) -> Checkpoint | None:
        return next((part.checkpoint for part in self.ingredients if part.checkpoint_id == self.ends[1]), None)


@require_safe
def checkpoints(request: HttpRequest, slug: str) -> HttpResponse:
    opened = open_study(request, slug)
    wanted, origin = request.GET.get("q", "").strip(), request.GET.get("origin", "")
    listed = Checkpoint.objects.filter(study=opened.study)
    if origin in ORIGINS:
        listed = listed.filter(origin=origin)
    if wanted:
        listed = listed.filter(Q(name__icontains=wanted) | Q(reference__icontains=wanted))
    page = Slice(request, _in_lineage_order(listed), CHECKPOINTS)
    context = study_context(opened, "checkpoints") | {
        "slice": page,
        "lines": list(tree(page.rows, _paths(opened.study, page.rows))),
        "q": wanted,
        "origin": origin,
        "origins": ORIGINS,
    }
    return render_page(request, "checkpoints.html", context, parts=("rows",))


def _in_lineage_order(rows: QuerySet[Checkpoint]) -> QuerySet[Checkpoint]:
    """Bases, then each run's checkpoints by step, then merges. Adds `rank`, `evaluations_count`, `samples` and the
    reference of the `newest` evaluation."""
    newest = Evaluation.objects.filter(checkpoint=OuterRef("pk")).order_by("-pk")
    rank = Case(
        *(When(origin=origin, then=Value(at)) for at, origin in enumerate(ORIGINS)), output_field=IntegerField()
    )
    return (
        rows.select_related("run__initialisation", "parent", "made_by")
        .defer("made_by__config", "made_by__log_tail", "made_by__summary", "run__config")
        .annotate(
            rank=rank,
            evaluations_count=Count("evaluations"),
            samples=Sum("evaluations__samples_done"),
            newest=Subquery(newest.values("reference")[:1]),
        )
        .prefetch_related(Prefetch("recipe", queryset=MergeIngredient.objects.select_related("checkpoint")))
        .order_by("rank", "run", "step", "pk")
    )


def _paths(study: Study, rows: Sequence[Checkpoint]) -> set[tuple[int, int]]:
    """The (low, high) pairs of the study's paths whose merges are on this page."""
    used = {ingredient.checkpoint_id for row in rows for ingredient in row.recipe.all()}
    found = Path.objects.filter(study=study, low__in=used, high__in=used)
    return set(found.values_list("low_id", "high_id"))


def tree(rows: Sequence[Checkpoint], paths: set[tuple[int, int]]) -> Iterator[Line]:
    """The lines of one page, which come in lineage order; merges of the same checkpoints are put in order of alpha."""
    for row in rows:
        if row.origin == Checkpoint.BASE:
            yield Line(0, row)
    trained = [row for row in rows if row.origin == Checkpoint.TRAINED]
    for run, written in groupby(trained, key=lambda row: row.run):
        if run is not None:
            yield Line(1, run=run)
        for row in written:
            yield Line(2 if run is not None else 1, row)
    merges = [row for row in rows if row.origin == Checkpoint.MERGED]
    for _, averages in groupby(sorted(merges, key=_ingredient_ids), key=_ingredient_ids):
        lines = [_average(row, paths) for row in averages]
        yield Line(1, ingredients=lines[0].ingredients)
        yield from sorted(lines, key=lambda line: (line.alpha is None, line.alpha or 0.0))


def _ingredient_ids(merge: Checkpoint) -> list[int]:
    return sorted(ingredient.checkpoint_id for ingredient in merge.recipe.all())


def _average(merge: Checkpoint, paths: set[tuple[int, int]]) -> Line:
    """A merge's line, with its alpha (the weight of the path's high end) where the recipe lies on a path."""
    recipe = list(merge.recipe.all())
    weights = {ingredient.checkpoint_id: ingredient.weight for ingredient in recipe}
    ends = next((pair for pair in paths if weights.keys() == set(pair)), None)
    if ends is None:
        return Line(2, merge, ingredients=recipe)
    recipe.sort(key=lambda ingredient: ingredient.checkpoint_id != ends[0])
    return Line(2, merge, weights[ends[1]], ingredients=recipe, ends=ends)
