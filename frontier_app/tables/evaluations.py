"""The table of evaluations: which weights, asked how, and the rates that came of it on one difficulty."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, NullIf

from compute.stats.rates import CLASSES, RATE_NAMES
from frontier_app.filters import HELD_OUT_FIELDS
from frontier_app.filters.fields import seed_of_evaluation
from frontier_app.models import Evaluation, EvaluationRate, Study
from frontier_app.tables.columns import Column, json_key
from frontier_app.tables.configurations import configured_keys, flatten
from frontier_app.tables.groups import Grouping, by_field, by_json
from frontier_app.tables.rates import BEST, WORDS, CellReading, Rates, rates_at, reading, stored_rate
from frontier_app.tables.table import in_order

CELLS = "parts/table_cells_evaluations.html"
COMMON = "parts/table_cells.html"
# How many of the newest evaluations tell which sampling keys a study has.
SAMPLED = 50
# Batching changes nothing but speed.
SPEED_KEYS = ("problems_per_batch",)


@dataclass(frozen=True)
class EvaluationRow:
    """One line of the table. `sampling` is flat, `expected` the number of samples it will have, 0 where that is not
    known."""

    evaluation: Evaluation
    sampling: dict[str, object]
    stored: EvaluationRate | None
    rates: Rates | None
    expected: int

    @property
    def key(self) -> str:
        return self.evaluation.reference


def columns(study: Study, difficulty: str) -> list[Column]:
    """Every column there is, the sampling keys of the newest evaluations at the end."""
    newest = Evaluation.objects.filter(study=study).order_by("-pk").values_list("sampling", flat=True)[:SAMPLED]
    keys = [key for key in configured_keys(newest) if key not in SPEED_KEYS]
    return [
        Column("checkpoint", "checkpoint", lambda row: row.evaluation.checkpoint.name, f"{CELLS}#checkpoint",
               "checkpoint__name"),
        Column("reference", "reference", lambda row: row.evaluation.reference, f"{COMMON}#mono", "reference",
               shown=False),
        Column("alpha", "a", lambda row: row.evaluation.alpha, f"{COMMON}#number", "alpha", numeric=True,
               title="place on its path"),
        Column("path", "path", lambda row: row.evaluation.path.name if row.evaluation.path else None,
               sort="path__name", shown=False),
        Column("set", "problem set", lambda row: str(row.evaluation.problem_set), sort="problem_set__title",
               shown=False),
        Column("setting", "setting", lambda row: row.evaluation.setting, sort="setting"),
        Column("state", "state", lambda row: row.evaluation.state, f"{CELLS}#state", "state"),
        *(_rate(study, name, difficulty) for name in CLASSES),
        Column("n", "n", lambda row: row.rates.n if row.rates else None, f"{COMMON}#count",
               stored_rate(study, "n", difficulty), numeric=True, title=f"samples of {difficulty} problems that count"),
        Column("mean_tokens", "tokens an answer", partial(_stored, name="mean_tokens"), f"{COMMON}#count",
               stored_rate(study, "mean_tokens", difficulty), shown=False, numeric=True, measured=True),
        Column("mean_cpu_seconds", "CPU an answer", partial(_stored, name="mean_cpu_seconds"), f"{COMMON}#seconds",
               stored_rate(study, "mean_cpu_seconds", difficulty), shown=False, numeric=True, measured=True),
        Column("samples_done", "samples", lambda row: row.evaluation.samples_done, f"{COMMON}#count", "samples_done",
               shown=False, numeric=True),
        *(_sampled(key) for key in keys),
        Column("isolation", "isolation", lambda row: row.evaluation.isolation or None, f"{CELLS}#isolation",
               NullIf("isolation", Value("")), shown=False),
        Column("created", "launched", lambda row: row.evaluation.created, f"{COMMON}#moment", "created"),
    ]  # fmt: skip


def _rate(study: Study, name: str, difficulty: str) -> Column:
    return Column(
        RATE_NAMES[name],
        WORDS[name],
        partial(_reading, name=name),
        f"{COMMON}#rate",
        stored_rate(study, RATE_NAMES[name], difficulty),
        numeric=True,
        measured=True,
        best=BEST.get(name, ""),
        shown=name != "no_answer",
        title=f"share of samples, on {difficulty} held-out problems",
    )


def _reading(row: EvaluationRow, name: str) -> CellReading | None:
    return reading(row.rates, name)


def _stored(row: EvaluationRow, name: str) -> float | None:
    return getattr(row.stored, name, None)


def _sampled(key: str) -> Column:
    shown = key == "samples"
    return Column(f"sampling.{key}", "samples a problem" if shown else key, partial(_setting, key=key),
                  f"{COMMON}#setting", json_key("sampling", key), shown=shown, numeric=True)  # fmt: skip


def _setting(row: EvaluationRow, key: str) -> object:
    return row.sampling.get(key)


def groupings(known: Sequence[Column]) -> list[Grouping]:
    """What evaluations can be grouped by, of the sampling the keys that have columns."""
    own = [
        by_field(HELD_OUT_FIELDS, "alpha", "a"),
        by_field(HELD_OUT_FIELDS, "coverage", "coverage"),
        by_field(HELD_OUT_FIELDS, "setting", "setting"),
        by_field(HELD_OUT_FIELDS, "path", "path"),
        by_field(HELD_OUT_FIELDS, "seed", "training seed"),
    ]
    return own + [found for column in known if (found := configured(column.key))]


def configured(key: str) -> Grouping | None:
    """A grouping by any key of the sampling."""
    return by_json(key, "sampling") if key.startswith("sampling.") else None


UNIT: Combinable = Coalesce(
    Cast(seed_of_evaluation(), CharField()), Concat(Value("one "), Cast("pk", CharField())), output_field=CharField()
)
"""The training seed. Weights of no training, and those of several seeds, count one by one."""


def rows_of(
    study: Study, keys: Sequence[int], difficulty: str, problems: int, baseline: Evaluation | None = None
) -> tuple[list[EvaluationRow], EvaluationRow | None]:
    """The lines of these evaluations, and the one of the baseline; `problems` is the number of held-out problems."""
    wanted = list(dict.fromkeys([*keys, *([baseline.pk] if baseline else [])]))
    loaded = {one.pk: one for one in in_order(wanted, _loaded(study))}
    rates = rates_at(study, list(loaded.values()), difficulty, baseline)

    def expected(one: Evaluation) -> int:
        return problems * one.samples_per_problem if one.problem_set_id == study.held_out_set_id else 0

    stored = {
        row.evaluation_id: row
        for row in EvaluationRate.objects.filter(evaluation__in=list(rates), difficulty=difficulty)
    }
    rows = {
        pk: EvaluationRow(one, flatten(one.sampling), stored.get(pk), rates.get(pk), expected(one))
        for pk, one in loaded.items()
    }
    pinned = rows.get(baseline.pk) if baseline else None
    return [rows[key] for key in keys if key in rows], pinned


def _loaded(study: Study) -> "QuerySet[Evaluation, Any]":
    rows = Evaluation.objects.filter(study=study).select_related("checkpoint", "path", "job", "problem_set")
    return rows.defer("job__config", "job__log_tail", "job__summary", "problem_set__audit")
