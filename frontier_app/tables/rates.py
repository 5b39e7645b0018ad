"""Rates on the held-out problems of one difficulty: of the evaluations on one page, with intervals and paired
differences from a baseline; and to sort and average by.

Intervals need the problems, so they come from `Rollup` for the page's evaluations alone; orders and averages over ten
thousand come from `EvaluationRate`, whose means are the same numbers. An evaluation on other problems than the study's
held-out ones has no rates here, and neither represents its checkpoint nor its run.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from django.db.models import Case, FloatField, OuterRef, Subquery, When
from django.db.models.expressions import Combinable

from compute.stats.bootstrap import Intervals, bootstrap_means, cluster_bootstrap
from compute.stats.rates import CLASSES
from compute.stats.rates import rates as rates_per_problem
from frontier_app.figures.frontier import Difference, Reading
from frontier_app.models import Evaluation, EvaluationRate, Study
from frontier_app.numbers.placement import Placed, read_cells

BEST: dict[str, Literal["", "high", "low"]] = {"solved": "high", "optimisation": "low", "correctness": "low"}
WORDS = dict(zip(CLASSES, ("solved", "too slow", "wrong", "no program"), strict=True))


class Rates(NamedTuple):
    """Of one evaluation on one difficulty. `deltas` are None without a baseline and for the baseline itself."""

    n: int
    problems: int
    rates: dict[str, Reading]
    deltas: dict[str, Difference] | None = None


class CellReading(NamedTuple):
    """What the cell of a rate shows."""

    rate: float
    half_width: float
    delta: float | None
    delta_half_width: float | None
    differs: bool  # the interval of the difference excludes 0


def reading(rates: Rates | None, name: str) -> CellReading | None:
    if rates is None:
        return None
    shown, delta = rates.rates[name], rates.deltas[name] if rates.deltas else None
    if delta is None:
        return CellReading(shown.rate, shown.half_width, None, None, False)
    return CellReading(shown.rate, shown.half_width, delta.rate, delta.half_width, delta.excludes_zero)


def rates_at(
    study: Study, evaluations: Sequence[Evaluation], difficulty: str, baseline: Evaluation | None = None
) -> dict[int, Rates]:
    """Evaluation -> rates on the study's held-out problems of one difficulty, judged on whole suites; without those
    that have no sample there. Two queries."""
    wanted = {one.pk: one for one in [*([baseline] if baseline else []), *evaluations]}
    chosen = [one for one in wanted.values() if one.problem_set_id == study.held_out_set_id]
    levels = study.held_out_set.levels if study.held_out_set else 1
    placed = [Placed(one, None, "mid", None) for one in chosen]
    cells = read_cells(study, placed, levels, "every_test", difficulty)
    if not chosen or not cells.problems:
        return {}
    intervals = cluster_bootstrap(cells.classes, cells.counts.n)
    at = next((place for place, one in enumerate(chosen) if baseline is not None and one.pk == baseline.pk), None)
    per_problem = np.moveaxis(rates_per_problem(cells.classes, cells.counts.n), -1, -2)
    # Over the problems that both have: a difference of two means over different problems would not be paired.
    deltas = bootstrap_means(per_problem - per_problem[at]) if at is not None else None
    return {
        one.pk: Rates(
            n=int(intervals.samples[place]),
            problems=int(intervals.problems[place]),
            rates=_readings(intervals.mean[place], intervals.half_width[place]),
            deltas=_differences(deltas, place)
            if deltas is not None and place != at and deltas.problems[place].any()
            else None,
        )
        for place, one in enumerate(chosen)
        if intervals.problems[place]
    }


def _readings(means: np.ndarray, halves: np.ndarray) -> dict[str, Reading]:
    pairs = zip(means.tolist(), halves.tolist(), strict=True)
    return dict(zip(CLASSES, (Reading(*pair) for pair in pairs), strict=True))


def _differences(deltas: Intervals, place: int) -> dict[str, Difference]:
    columns = [part[place].tolist() for part in (deltas.mean, deltas.half_width, deltas.low, deltas.high)]
    return {name: Difference(*one) for name, *one in zip(CLASSES, *columns, strict=True)}


def stored_rate(study: Study, name: str, difficulty: str) -> Combinable:
    """A column of `EvaluationRate`, of the evaluation in a row of evaluations."""
    return Case(When(problem_set=study.held_out_set_id, then=_stored("pk", name, difficulty)))


def main_rate(name: str, difficulty: str) -> Combinable:
    """The same of the main evaluation, in a row of checkpoints or runs."""
    return _stored("main_evaluation", name, difficulty)


def _stored(evaluation: str, name: str, difficulty: str) -> Combinable:
    rows = EvaluationRate.objects.filter(evaluation=OuterRef(evaluation), difficulty=difficulty)
    return Subquery(rows.values(name), output_field=FloatField())
