"""The table of checkpoints: origin, recipe, place on a path, and what was measured of each.

In its own order the table is a lineage: bases, each run with what it wrote, merges under the checkpoints that they
average; `Line` says how deep a row stands and which heading goes before it. Sorted by a column it is flat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
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
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from compute.stats.rates import CLASSES
from frontier_app.models import Checkpoint, Evaluation, EvaluationRate, MergeIngredient, Path, Run, Study
from frontier_app.tables.columns import Column
from frontier_app.tables.rates import BEST, FIELDS, WORDS, CellReading, Rates, rates_at, reading
from frontier_app.tables.table import in_order

CELLS = "parts/table_cells_checkpoints.html"
COMMON = "parts/table_cells.html"
ORIGINS = (Checkpoint.BASE, Checkpoint.TRAINED, Checkpoint.MERGED)
RANK = Case(*(When(origin=origin, then=Value(at)) for at, origin in enumerate(ORIGINS)), output_field=IntegerField())
# Merges of one path stand together in order of alpha, those of no path after them.
LINEAGE = (RANK, F("run").asc(nulls_last=True), F("step").asc(nulls_last=True))


@dataclass(frozen=True)
class CheckpointRow:
    """One line of the table. `alpha` is a merge's place on its path; the headings are the run and the recipe that begin
    with this line."""

    checkpoint: Checkpoint
    depth: int = 0
    alpha: float | None = None
    ingredients: Sequence[MergeIngredient] = ()
    ends: tuple[int, int] = (0, 0)
    evaluations: int = 0
    samples: int = 0
    newest: Evaluation | None = None
    rates: Rates | None = None
    run_heading: Run | None = None
    merge_heading: Sequence[MergeIngredient] = ()

    @property
    def key(self) -> str:
        return self.checkpoint.reference

    @property
    def low(self) -> Checkpoint | None:
        """The end of the path at alpha 0; `high` is the one at alpha 1."""
        return next((part.checkpoint for part in self.ingredients if part.checkpoint_id == self.ends[0]), None)

    @property
    def high(self) -> Checkpoint | None:
        return next((part.checkpoint for part in self.ingredients if part.checkpoint_id == self.ends[1]), None)


def columns(study: Study, difficulty: str) -> list[Column]:
    return [
        Column("name", "checkpoint", lambda row: row.checkpoint.name, f"{CELLS}#name", "name"),
        Column("reference", "reference", lambda row: row.checkpoint.reference, f"{COMMON}#mono", "reference",
               shown=False),
        Column("origin", "origin", lambda row: row.checkpoint.origin, sort="origin", shown=False),
        Column("weights", "weights", _recipe_words, f"{CELLS}#weights", css="weights"),
        Column("alpha", "a", lambda row: row.alpha, f"{COMMON}#number", _alpha(), numeric=True),
        Column("coverage", "coverage", lambda row: row.checkpoint.coverage, f"{COMMON}#number", "coverage",
               numeric=True),
        Column("seed", "seed", lambda row: row.checkpoint.run.seed if row.checkpoint.run else None,
               f"{COMMON}#number", "run__seed", shown=False, numeric=True),
        Column("step", "step", lambda row: row.checkpoint.step, f"{COMMON}#count", "step", numeric=True),
        Column("run", "run", lambda row: row.checkpoint.run.name if row.checkpoint.run else None, sort="run__name",
               shown=False),
        *(_rate(name, difficulty) for name in CLASSES),
        Column("points", "points", lambda row: row.evaluations, f"{CELLS}#points", _number_of(Count("pk")),
               numeric=True, title="evaluations"),
        Column("samples", "samples", lambda row: row.samples or None, f"{COMMON}#count",
               _number_of(Sum("samples_done")), numeric=True),
        Column("size", "size", lambda row: row.checkpoint.size_bytes if row.checkpoint.folder else None,
               f"{CELLS}#size", "size_bytes", numeric=True),
        Column("sha256", "sha256", lambda row: row.checkpoint.sha256 or None, f"{CELLS}#sha256", "sha256"),
        Column("created", "created", lambda row: row.checkpoint.created, f"{COMMON}#moment", "created", shown=False),
    ]  # fmt: skip


def _rate(name: str, difficulty: str) -> Column:
    rates = EvaluationRate.objects.filter(evaluation__checkpoint=OuterRef("pk"), difficulty=difficulty)
    most = rates.order_by(F("evaluation__samples_done").desc(), F("evaluation").desc())
    return Column(
        FIELDS[name],
        WORDS[name],
        partial(_reading, name=name),
        f"{COMMON}#rate",
        Subquery(most.values(FIELDS[name])[:1], output_field=FloatField()),
        shown=name == "solved",
        numeric=True,
        measured=True,
        best=BEST.get(name, ""),
        title=f"on {difficulty} problems, in its evaluation with the most samples",
    )


def _reading(row: CheckpointRow, name: str) -> CellReading | None:
    return reading(row.rates, name)


def _number_of(aggregate: Count | Sum) -> Combinable:
    """Over the evaluations of the checkpoint in a row of checkpoints."""
    evaluations = Evaluation.objects.filter(checkpoint=OuterRef("pk")).order_by().values("checkpoint")
    return Coalesce(Subquery(evaluations.annotate(number=aggregate).values("number")), 0)


def _alpha() -> Combinable:
    """The weight of the high end, of a merge of a path's two ends."""
    paths = Path.objects.filter(high=OuterRef("checkpoint"), low__used_in__merge=OuterRef("merge")).order_by()
    high = MergeIngredient.objects.filter(merge=OuterRef("pk"), checkpoint__in=paths.values("high"))
    return Subquery(high.order_by().values("weight")[:1], output_field=FloatField())


def _recipe_words(row: CheckpointRow) -> str:
    return " + ".join(f"{part.weight:g} × {part.checkpoint.name}" for part in row.ingredients)


def rows_of(study: Study, keys: Sequence[int], difficulty: str, in_lineage: bool) -> list[CheckpointRow]:
    """The lines of these checkpoints. The same queries for two and for two hundred."""
    loaded = in_order(keys, _loaded(study))
    paths = _paths(study, loaded)
    numbers: dict[int, Any] = {
        row["checkpoint"]: row
        for row in Evaluation.objects.filter(checkpoint__in=keys).order_by().values("checkpoint")
        .annotate(evaluations=Count("pk"), judged=Sum("samples_done"))
    }  # fmt: skip
    most: dict[int, Evaluation] = {}
    newest: dict[int, Evaluation] = {}
    for one in _representatives(keys):
        most.setdefault(one.checkpoint_id, one)
        if one.checkpoint_id not in newest or one.pk > newest[one.checkpoint_id].pk:
            newest[one.checkpoint_id] = one
    rates = rates_at(study, list(most.values()), difficulty)
    rows = []
    for checkpoint in loaded:
        counted = numbers.get(checkpoint.pk, {})
        row = placed(checkpoint, paths)
        rows.append(
            replace(
                row,
                evaluations=counted.get("evaluations", 0),
                samples=counted.get("judged") or 0,
                newest=newest.get(checkpoint.pk),
                rates=rates.get(most[checkpoint.pk].pk) if checkpoint.pk in most else None,
            )
        )
    return with_headings(rows) if in_lineage else rows


def _representatives(keys: Sequence[int]) -> "QuerySet[Evaluation, Any]":
    """Of each checkpoint its newest evaluation and the one with the most samples, the latter first."""
    own = Evaluation.objects.filter(checkpoint=OuterRef("pk"))
    chosen = Checkpoint.objects.filter(pk__in=keys)
    most = chosen.annotate(one=Subquery(own.order_by("-samples_done", "-pk").values("pk")[:1])).values("one")
    newest = chosen.annotate(one=Subquery(own.order_by("-pk").values("pk")[:1])).values("one")
    return Evaluation.objects.filter(Q(pk__in=most) | Q(pk__in=newest)).order_by("-samples_done", "-pk")


def _loaded(study: Study) -> "QuerySet[Checkpoint, Any]":
    return (
        Checkpoint.objects.filter(study=study)
        .select_related("run__initialisation", "made_by")
        .defer("made_by__config", "made_by__log_tail", "made_by__summary", "run__config")
        .prefetch_related(Prefetch("recipe", queryset=MergeIngredient.objects.select_related("checkpoint")))
    )


def _paths(study: Study, rows: Sequence[Checkpoint]) -> set[tuple[int, int]]:
    """The (low, high) pairs of the study's paths whose merges are on this page."""
    used = {ingredient.checkpoint_id for row in rows for ingredient in row.recipe.all()}
    found = Path.objects.filter(study=study, low__in=used, high__in=used)
    return set(found.values_list("low_id", "high_id"))


def placed(checkpoint: Checkpoint, paths: set[tuple[int, int]]) -> CheckpointRow:
    """A checkpoint's line, with its alpha (the weight of the path's high end) where its recipe lies on a path."""
    if checkpoint.origin == Checkpoint.BASE:
        return CheckpointRow(checkpoint)
    if checkpoint.origin == Checkpoint.TRAINED:
        return CheckpointRow(checkpoint, 2 if checkpoint.run is not None else 1)
    recipe = list(checkpoint.recipe.all())
    weights = {ingredient.checkpoint_id: ingredient.weight for ingredient in recipe}
    ends = next((pair for pair in paths if weights.keys() == set(pair)), None)
    if ends is None:
        return CheckpointRow(checkpoint, 2, ingredients=recipe)
    recipe.sort(key=lambda ingredient: ingredient.checkpoint_id != ends[0])
    return CheckpointRow(checkpoint, 2, weights[ends[1]], recipe, ends)


def with_headings(rows: Sequence[CheckpointRow]) -> list[CheckpointRow]:
    """The lines of one page in lineage order; merges of the same checkpoints are put in order of alpha."""
    plain = [row for row in rows if row.checkpoint.origin == Checkpoint.BASE]
    trained = [row for row in rows if row.checkpoint.origin == Checkpoint.TRAINED]
    merges = [row for row in rows if row.checkpoint.origin == Checkpoint.MERGED]
    merges.sort(key=lambda row: (_ingredient_ids(row), row.alpha is None, row.alpha or 0.0))
    lines, run, recipe = list(plain), None, None
    for row in trained:
        begins = row.checkpoint.run is not None and row.checkpoint.run_id != run
        lines.append(replace(row, run_heading=row.checkpoint.run) if begins else row)
        run = row.checkpoint.run_id
    for row in merges:
        lines.append(replace(row, merge_heading=row.ingredients) if _ingredient_ids(row) != recipe else row)
        recipe = _ingredient_ids(row)
    return lines


def _ingredient_ids(row: CheckpointRow) -> list[int]:
    return sorted(ingredient.checkpoint_id for ingredient in row.ingredients)
