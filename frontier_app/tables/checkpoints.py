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
    CharField,
    Count,
    F,
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
from django.db.models.functions import Cast, Coalesce, Concat, NullIf

from compute.stats.rates import CLASSES, RATE_NAMES
from frontier_app.filters import CHECKPOINT_FIELDS
from frontier_app.filters.fields import UNITY, alpha_of_merge, seed_of_checkpoint
from frontier_app.models import Checkpoint, Evaluation, MergeIngredient, Path, Run, Study
from frontier_app.tables.columns import Column
from frontier_app.tables.configurations import configured_keys
from frontier_app.tables.groups import Grouping, by_field, by_json
from frontier_app.tables.rates import (
    BEST,
    WORDS,
    CellReading,
    Rates,
    main_rate,
    rates_at,
    reading,
)
from frontier_app.tables.table import in_order

CELLS = "parts/table_cells_checkpoints.html"
COMMON = "parts/table_cells.html"
# How many of the newest runs tell which configuration keys a study has.
SAMPLED = 50
# What checkpoints are grouped by already.
OWN_KEYS = ("kind", "coverage", "seed")
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
        Column("alpha", "a", lambda row: row.alpha, f"{COMMON}#number", alpha_of_merge(), numeric=True,
               title="place on its path"),
        Column("coverage", "coverage", lambda row: row.checkpoint.coverage, f"{COMMON}#number", "coverage",
               numeric=True),
        Column("seed", "seed", lambda row: row.checkpoint.training_seed, f"{COMMON}#number", seed_of_checkpoint(),
               shown=False, numeric=True, title="the training seed, of a merge the one of all its ingredients"),
        Column("step", "step", lambda row: row.checkpoint.step, f"{COMMON}#count", "step", numeric=True),
        Column("run", "run", lambda row: row.checkpoint.run.name if row.checkpoint.run else None, sort="run__name",
               shown=False),
        *(_rate(name, difficulty) for name in CLASSES),
        Column("points", "points", lambda row: row.evaluations, f"{CELLS}#points", _number_of(Count("pk")),
               numeric=True, title="evaluations"),
        Column("samples", "samples", lambda row: row.samples, f"{COMMON}#count",
               _number_of(Sum("samples_done")), numeric=True),
        Column("size", "size", lambda row: row.checkpoint.size_bytes if row.checkpoint.folder else None,
               f"{CELLS}#size", Case(When(~Q(folder=""), then=NullIf("size_bytes", Value(0)))), numeric=True),
        Column("sha256", "sha256", lambda row: row.checkpoint.sha256 or None, f"{CELLS}#sha256",
               NullIf("sha256", Value(""))),
        Column("created", "created", lambda row: row.checkpoint.created, f"{COMMON}#moment", "created", shown=False),
    ]  # fmt: skip


def _rate(name: str, difficulty: str) -> Column:
    return Column(
        RATE_NAMES[name],
        WORDS[name],
        partial(_reading, name=name),
        f"{COMMON}#rate",
        main_rate(RATE_NAMES[name], difficulty),
        shown=name == "solved",
        numeric=True,
        measured=True,
        best=BEST.get(name, ""),
        title=f"on {difficulty} held-out problems, in its evaluation with the most samples",
    )


def _reading(row: CheckpointRow, name: str) -> CellReading | None:
    return reading(row.rates, name)


def _number_of(aggregate: Count | Sum) -> Combinable:
    """Over the evaluations of the checkpoint in a row of checkpoints."""
    evaluations = Evaluation.objects.filter(checkpoint=OuterRef("pk")).order_by().values("checkpoint")
    return Coalesce(Subquery(evaluations.annotate(number=aggregate).values("number")), 0)


def _recipe_words(row: CheckpointRow) -> str:
    return " + ".join(f"{part.weight:g} × {part.checkpoint.name}" for part in row.ingredients)


def groupings(study: Study) -> list[Grouping]:
    """What checkpoints can be grouped by, of the configurations the keys of the study's newest runs."""
    own = [
        by_field(CHECKPOINT_FIELDS, "origin", "origin"),
        by_field(CHECKPOINT_FIELDS, "coverage", "coverage"),
        by_field(CHECKPOINT_FIELDS, "seed", "training seed"),
        by_field(CHECKPOINT_FIELDS, "alpha", "a"),
        by_field(CHECKPOINT_FIELDS, "step", "step"),
        by_field(CHECKPOINT_FIELDS, "run", "run"),
    ]
    newest = Run.objects.filter(study=study).order_by("-pk").values_list("config", flat=True)[:SAMPLED]
    keys = [key for key in configured_keys(newest) if key not in OWN_KEYS]
    return own + [found for key in keys if (found := configured(f"config.{key}"))]


def configured(key: str) -> Grouping | None:
    """A grouping by any key of the configuration of a checkpoint's run."""
    return by_json(key, "run__config") if key.startswith("config.") else None


UNIT: Combinable = Coalesce(
    Cast(seed_of_checkpoint(), CharField()), Concat(Value("one "), Cast("pk", CharField())), output_field=CharField()
)
"""The training seed. Weights of no training, and those of several seeds, count one by one."""


def rows_of(study: Study, keys: Sequence[int], difficulty: str, in_lineage: bool) -> list[CheckpointRow]:
    """The lines of these checkpoints. The same queries for two and for two hundred."""
    loaded = in_order(keys, _loaded(study))
    paths = _paths(study, loaded)
    numbers: dict[int, Any] = {
        row["checkpoint"]: row
        for row in Evaluation.objects.filter(checkpoint__in=keys).order_by().values("checkpoint")
        .annotate(evaluations=Count("pk"), judged=Sum("samples_done"))
    }  # fmt: skip
    newest = Evaluation.objects.in_bulk([one.newest_pk for one in loaded if one.newest_pk])  # type: ignore[attr-defined]
    rates = rates_at(study, [one.main_evaluation for one in loaded if one.main_evaluation], difficulty)
    rows = []
    for checkpoint in loaded:
        counted = numbers.get(checkpoint.pk, {})
        rows.append(
            replace(
                placed(checkpoint, paths),
                evaluations=counted.get("evaluations", 0),
                samples=counted.get("judged") or 0,
                newest=newest.get(checkpoint.newest_pk),  # type: ignore[attr-defined]
                rates=rates.get(checkpoint.main_evaluation_id) if checkpoint.main_evaluation_id else None,
            )
        )
    return with_headings(rows) if in_lineage else rows


def _loaded(study: Study) -> "QuerySet[Checkpoint, Any]":
    """With `newest_pk`, the newest evaluation of each, and `training_seed`."""
    newest = Evaluation.objects.filter(checkpoint=OuterRef("pk")).order_by("-pk")
    return (
        Checkpoint.objects.filter(study=study)
        .select_related("run__initialisation", "made_by", "main_evaluation")
        .defer("made_by__config", "made_by__log_tail", "made_by__summary", "run__config", "run__last_metrics")
        .prefetch_related(Prefetch("recipe", queryset=MergeIngredient.objects.select_related("checkpoint")))
        .annotate(
            newest_pk=Subquery(newest.values("pk")[:1]),
            training_seed=seed_of_checkpoint(),
        )
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
    if ends is None or not UNITY[0] <= sum(weights.values()) <= UNITY[1]:
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
