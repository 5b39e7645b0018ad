"""From rows to the numbers of the Frontiers page: points of any checkpoints on any two axes, as JSON.

Everything comes from `Rollup`, judged at one coverage level, and every statistic is one of `compute.stats`: means over
problems with bootstrap intervals, paired differences, dominance beyond noise, and what lies past a trained end. It
decides no rights; `frontier_app.numbers.exploration.choice` says which evaluations there are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from django.db.models import BigIntegerField, Count, F, Q
from django.db.models.functions import Cast
from numpy.typing import NDArray

from compute.stats.bootstrap import REPLICATES, Intervals, RateIntervals, bootstrap_means, cluster_bootstrap
from compute.stats.pass_at_k import pass_at_k
from compute.stats.rates import CLASSES, FailureCounts, rates
from frontier_app.models import Evaluation, Problem, Rollup, Study
from frontier_app.numbers.conditions import Condition, conditions
from frontier_app.numbers.exploration.choice import Asked, Chosen, Stations, paths_among, placed_on, scales_of
from frontier_app.numbers.placement import ALL_DIFFICULTIES, COLUMNS, Placed, integer_columns, places_among

# Raised whenever the shape of `exploration_data` changes, so that no browser keeps the old one.
FORMAT = 1
SUMS = ("cpu_microseconds", "tokens_sum", "memory_bytes_sum")
MEBIBYTE = 2**20
MICROSECONDS = 1_000_000
METHOD = (
    f"95 % intervals and ellipses by bootstrap over problems ({REPLICATES} resamples, percentile; an ellipse is that "
    "of a normal with the resamples’ covariance). All points meet the same resampled problems, so differences are "
    "paired. Dominated: another point is better on both axes and the interval of each paired difference excludes 0; "
    "intervals hold a pair at a time."
)
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Counts and sums of the evaluations on problems, judged at one level; arrays are (evaluations, problems)."""

    difficulties: list[str]
    counts: FailureCounts
    cpu_microseconds: Integers
    tokens_sum: Integers
    memory_bytes_sum: Integers

    @property
    def problems(self) -> int:
        return len(self.difficulties)

    def of(self, difficulty: str) -> "Table":
        """The problems of one difficulty."""
        rows = np.flatnonzero(np.array([one == difficulty for one in self.difficulties], dtype=bool))
        counts = FailureCounts(**{name: getattr(self.counts, name)[:, rows] for name in COLUMNS})
        sums = {name: getattr(self, name)[:, rows] for name in SUMS}
        return Table([difficulty] * len(rows), counts, **sums)


class Measured(NamedTuple):
    """The figures of all evaluations on one table. `measures` has every measure that the page shows; `deltas` are
    paired differences to the baseline's evaluation, empty where there is none."""

    table: Table
    classes: RateIntervals
    measures: dict[str, Intervals]
    deltas: dict[str, Intervals]

    def reading(self, measure: str, index: int) -> tuple[float, float]:
        found = self.measures[measure]
        return float(found.mean[index]), float(found.half_width[index])

    def judged(self, index: int) -> int:
        return int(self.classes.problems[index])


@dataclass(frozen=True)
class Explored:
    """Everything that a state of the page picks out, placed and measured; `measured` is by difficulty where panels are,
    else under ""."""

    asked: Asked
    chosen: Chosen
    placed: list[Placed]
    stations: list[Stations]
    measured: dict[str, Measured]
    baseline: list[int | None]
    scales: list[str]

    def partial(self, index: int, numbers: Measured) -> bool:
        """Still being measured: more samples or problems are to come."""
        evaluation = self.placed[index].evaluation
        return evaluation.state != Evaluation.COMPLETE or numbers.judged(index) < numbers.table.problems


def explore(study: Study, asked: Asked, chosen: Chosen) -> Explored:
    """Reads and measures what was chosen. The number of queries does not grow with it."""
    paths = paths_among(study, asked, chosen.evaluations)
    placed, stations = placed_on(study, chosen.evaluations, paths)
    table = read_table(asked, chosen.evaluations)
    tables = {"": table}
    if asked.facet == "difficulty":
        tables = {name: table.of(name) for name in dict.fromkeys(table.difficulties)}
    baseline = _baseline(asked, placed)
    return Explored(
        asked=asked,
        chosen=chosen,
        placed=placed,
        stations=stations,
        measured={name: measure(one, asked, baseline) for name, one in tables.items()},
        baseline=baseline,
        scales=scales_of(study, chosen.evaluations) if asked.facet == "scale" else [],
    )


def read_table(asked: Asked, evaluations: Sequence[Evaluation]) -> Table:
    """Two queries at any size. Panels by difficulty need every problem, others those of the difficulty asked for."""
    problems = Problem.objects.filter(problem_set=asked.problem_set).order_by("position")
    rollups = Rollup.objects.filter(evaluation__in=[one.pk for one in evaluations], level=asked.level)
    if asked.difficulty != ALL_DIFFICULTIES and asked.facet != "difficulty":
        problems = problems.filter(difficulty=asked.difficulty)
        rollups = rollups.filter(problem__difficulty=asked.difficulty)
    columns = list(problems.values_list("pk", "difficulty"))
    microseconds = Cast(F("cpu_seconds_sum") * MICROSECONDS, BigIntegerField())
    names = (*COLUMNS, *SUMS)
    rows = integer_columns(rollups.annotate(cpu_microseconds=microseconds), ("evaluation_id", "problem_id", *names))
    table = np.zeros((len(names), len(evaluations), len(columns)), dtype=np.int64)
    place_of = {pk: place for place, (pk, _) in enumerate(columns)}
    if rows.size and columns:
        evaluation = places_among(rows[:, 0], [one.pk for one in evaluations])
        problem = places_among(rows[:, 1], list(place_of))
        table[:, evaluation, problem] = rows[:, 2:].T
    counts = FailureCounts(**dict(zip(COLUMNS, table[: len(COLUMNS)], strict=True)))
    return Table([name for _, name in columns], counts, *table[len(COLUMNS) :])


def measure_values(table: Table, asked: Asked) -> dict[str, Floats]:
    """Per measure (evaluations, problems): a problem's own figure, nan where it has none."""
    n = table.counts.n
    by_class = rates(table.counts.by(asked.rule), n)
    found = {name: by_class[..., index] for index, name in enumerate(CLASSES)}
    per_sample = {
        "cpu_seconds": table.cpu_microseconds / MICROSECONDS,
        "tokens": table.tokens_sum,
        "memory": table.memory_bytes_sum / MEBIBYTE,
    }
    for name in asked.measures:
        if name == "pass_at_k":
            found[name] = pass_at_k(n, table.counts.solved, asked.k)
        else:
            found[name] = np.divide(per_sample[name], n, out=np.full(n.shape, np.nan), where=n > 0)
    return found


def measure(table: Table, asked: Asked, baseline: Sequence[int | None]) -> Measured:
    """Means over problems with their intervals, and paired differences to the baseline of each evaluation."""
    values = measure_values(table, asked)
    classes = cluster_bootstrap(table.counts.by(asked.rule), table.counts.n)
    measures = {name: _one_class(classes, index) for index, name in enumerate(CLASSES)}
    if asked.measures:
        more = bootstrap_means(np.stack([values[name] for name in asked.measures]))
        measures |= {name: _series(more, index) for index, name in enumerate(asked.measures)}
    deltas: dict[str, Intervals] = {}
    if any(one is not None for one in baseline):
        against = [index if one is None else one for index, one in enumerate(baseline)]
        moved = bootstrap_means(np.stack([one - one[against] for one in values.values()]))
        deltas = {name: _series(moved, index) for index, name in enumerate(values)}
    return Measured(table, classes, measures, deltas)


def _one_class(classes: RateIntervals, index: int) -> Intervals:
    return Intervals(
        mean=classes.mean[:, index],
        low=classes.low[:, index],
        high=classes.high[:, index],
        problems=classes.problems,
        replicates=classes.replicates[..., index],
    )


def _series(stacked: Intervals, index: int) -> Intervals:
    """One of the measures that were bootstrapped together."""
    return Intervals(
        mean=stacked.mean[index],
        low=stacked.low[index],
        high=stacked.high[index],
        problems=stacked.problems[index],
        replicates=stacked.replicates[:, index],
    )


def _baseline(asked: Asked, placed: Sequence[Placed]) -> list[int | None]:
    """For each evaluation the one that its differences refer to: the baseline's in the same setting, else any of it.

    Without a wish it is the low end of the first path, else the initialisation.
    """
    if asked.baseline:
        alike = [index for index, one in enumerate(placed) if one.checkpoint.reference == asked.baseline]
    else:
        first = next(
            (one.checkpoint.pk for one in placed if one.alpha == 0.0),
            next((one.checkpoint.pk for one in placed if one.mark == "initialisation"), None),
        )
        alike = [index for index, one in enumerate(placed) if one.checkpoint.pk == first]
    by_setting = {placed[index].evaluation.setting: index for index in reversed(alike)}
    return [by_setting.get(one.evaluation.setting, alike[0] if alike else None) for one in placed]


def conditions_of(study: Study, explored: Explored) -> list[Condition]:
    """What the figures rest on, in words; only for one difficulty of the held-out problems."""
    asked = explored.asked
    if "" not in explored.measured or asked.difficulty == ALL_DIFFICULTIES:
        return []
    if asked.problem_set is None or asked.problem_set.pk != study.held_out_set_id:
        return []
    counts = explored.measured[""].table.counts
    judged, spoiled = int(counts.n.sum()), int(counts.infrastructure.sum())
    return conditions(study, explored.chosen.evaluations, asked.difficulty, judged, spoiled)


def data_version(study: Study, asked: Asked, chosen: Chosen) -> str:
    """Changes whenever the page's data would: with every ingested batch, every state, every new evaluation."""
    rows = [
        (one.pk, one.version, one.state, one.samples_done, one.checkpoint.name, one.job and one.job.state)
        for one in chosen.evaluations
    ]
    problems = Problem.objects.filter(problem_set=asked.problem_set)
    audited = problems.aggregate(problems=Count("pk"), audited=Count("pk", filter=~Q(audit={})))
    paths = list(study.paths.order_by("-pk").values_list("pk", "name")[:1])
    seen = (FORMAT, rows, chosen.total, audited, paths, asked)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:32]
