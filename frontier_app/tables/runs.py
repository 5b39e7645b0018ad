"""The table of runs: what was asked of each, how far it came, what it ended with and how its last checkpoint does.

Configuration keys and metrics become columns of their own; which there are is read off the newest runs, so that the
menu costs the same for ten runs and for ten thousand. Older keys have no column; filters find runs by them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db.models import F, QuerySet

from compute.stats.rates import CLASSES, RATE_NAMES
from frontier_app.filters import RUN_FIELDS
from frontier_app.filters.fields import last_metric
from frontier_app.models import Run, Study
from frontier_app.tables.columns import Column, json_key
from frontier_app.tables.configurations import configured_keys, flatten
from frontier_app.tables.groups import Grouping, by_field, by_json
from frontier_app.tables.rates import BEST, WORDS, CellReading, Rates, main_rate, rates_at, reading
from frontier_app.tables.table import in_order

CELLS = "parts/table_cells_runs.html"
COMMON = "parts/table_cells.html"
# How many of the newest runs tell which configuration keys and metrics a study has.
SAMPLED = 50
# What a run's own columns show already.
OWN_KEYS = ("kind", "coverage", "seed", "steps", "initialisation_reference", "initialisation")


@dataclass(frozen=True)
class RunRow:
    """One line of the table. `shade` is the run's place on the coverage scale; `rates` are those of the evaluation with
    the most samples of the checkpoint that it ended with."""

    run: Run
    shade: float
    seed_rank: int
    config: dict[str, object]
    rates: Rates | None
    baseline: "RunRow | None" = None

    @property
    def key(self) -> str:
        return self.run.reference

    @property
    def step(self) -> int | None:
        return max((step for step, _ in self.run.last_metrics.values()), default=None)

    def metric(self, name: str) -> float | None:
        """Its value at the last step that reports it."""
        return self.run.last_metrics.get(name, (0, None))[1]


@dataclass(frozen=True)
class Value:
    """A number and its difference from the baseline's; None where either is missing."""

    value: float | None
    delta: float | None


def columns(study: Study, difficulty: str) -> list[Column]:
    """Every column there is, those of the newest runs' configurations and metrics at the end."""
    newest = list(Run.objects.filter(study=study).order_by("-pk").values_list("config", "last_metrics")[:SAMPLED])
    keys = [key for key in configured_keys(config for config, _ in newest) if key not in OWN_KEYS]
    names = {name for _, metrics in newest for name in metrics}
    shown = {"reward", "solved_rate"} & names
    return [
        Column("run", "run", lambda row: row.run.name, f"{CELLS}#run", "name"),
        Column("reference", "reference", lambda row: row.run.reference, f"{COMMON}#mono", "reference", shown=False),
        Column("coverage", "coverage", lambda row: row.run.coverage, f"{COMMON}#number", "coverage", numeric=True),
        Column("seed", "seed", lambda row: row.run.seed, f"{COMMON}#number", "seed", numeric=True),
        Column("steps", "steps", lambda row: row.run.steps, f"{CELLS}#steps", "steps", css="progress-column"),
        Column("state", "state", _state, f"{CELLS}#state", "job__state"),
        Column("from", "from", lambda row: row.run.initialisation.name, sort="initialisation__name"),
        Column("took", "took", lambda row: row.run.job.cost_seconds if row.run.job else None, f"{COMMON}#seconds",
               F("job__ended") - F("job__started"), numeric=True),
        *(_rate(name, difficulty) for name in CLASSES),
        *(_metric(name, name in shown) for name in sorted(names)),
        *(_configured(key) for key in keys),
        Column("created", "created", lambda row: row.run.created, f"{COMMON}#moment", "created", shown=False),
    ]  # fmt: skip


def _state(row: RunRow) -> str:
    return row.run.job.state if row.run.job else "imported"


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
        title=f"of its last checkpoint, on {difficulty} held-out problems",
    )


def _reading(row: RunRow, name: str) -> CellReading | None:
    return reading(row.rates, name)


def _metric(name: str, shown: bool) -> Column:
    return Column(
        f"metric.{name}",
        name.replace("_", " ").replace("/", ": "),
        partial(_last, name=name),
        f"{COMMON}#value",
        last_metric(name),
        shown=shown,
        numeric=True,
        measured=True,
        title="in training, at its last step",
    )


def _last(row: RunRow, name: str) -> Value:
    own = row.metric(name)
    other = row.baseline.metric(name) if row.baseline else None
    return Value(own, own - other if own is not None and other is not None else None)


def _configured(key: str) -> Column:
    return Column(
        f"config.{key}", key, partial(_setting, key=key), f"{COMMON}#setting", json_key("config", key), shown=False,
        title="from its configuration",
    )  # fmt: skip


def _setting(row: RunRow, key: str) -> object:
    return row.config.get(key)


def groupings(known: Sequence[Column]) -> list[Grouping]:
    """What runs can be grouped by, of the configuration the keys that have columns."""
    own = [
        by_field(RUN_FIELDS, "coverage", "coverage"),
        by_field(RUN_FIELDS, "seed", "seed"),
        by_field(RUN_FIELDS, "steps", "steps"),
        by_field(RUN_FIELDS, "from", "initialisation", "initialisation"),
    ]
    return own + [found for column in known if (found := configured(column.key))]


def configured(key: str) -> Grouping | None:
    """A grouping by any key of a configuration."""
    return by_json(key, "config") if key.startswith("config.") else None


UNIT = F("seed")


def rows_of(
    study: Study,
    keys: Sequence[int],
    shades: Callable[[float], float],
    difficulty: str,
    baseline: Run | None = None,
) -> tuple[list[RunRow], RunRow | None]:
    """The lines of these runs, and the one of the baseline. The same queries for two runs and for two hundred."""
    wanted = list(dict.fromkeys([*keys, *([baseline.pk] if baseline else [])]))
    loaded = in_order(wanted, _loaded(study))
    by_pk = {run.pk: run for run in loaded}
    other = by_pk[baseline.pk].main_evaluation if baseline and baseline.pk in by_pk else None
    rates = rates_at(study, [run.main_evaluation for run in loaded if run.main_evaluation], difficulty, other)
    seeds = sorted({run.seed for run in loaded})

    def row(run: Run, pinned: RunRow | None = None) -> RunRow:
        found = rates.get(run.main_evaluation_id) if run.main_evaluation_id else None
        return RunRow(run, shades(run.coverage), seeds.index(run.seed), flatten(run.config), found, pinned)

    pinned = row(by_pk[baseline.pk]) if baseline and baseline.pk in by_pk else None
    others = [(by_pk[key], None if pinned and key == pinned.run.pk else pinned) for key in keys if key in by_pk]
    return [row(*pair) for pair in others], pinned


def _loaded(study: Study) -> "QuerySet[Run]":
    rows = Run.objects.filter(study=study).select_related("job", "initialisation", "main_evaluation")
    return rows.defer("job__config", "job__log_tail", "job__summary")
