"""From rows to the numbers of the study page: rates, intervals, comparisons and verdicts of one view, as JSON.

Plots come from `Rollup` (through `frontier_app.numbers.placement`), never from samples; the programs of one chosen
problem are those of `frontier_app.numbers.programs_written`. It decides no rights, and every statistic is one of
`compute.stats`.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from django.db.models import Count, Q
from numpy.typing import NDArray

from compute.stats.bootstrap import RateIntervals, cluster_bootstrap
from compute.stats.frontier import Extrapolation, classify_extrapolated
from compute.stats.rates import CLASSES
from frontier_app.figures.composition import composition_figure
from frontier_app.figures.exploration_traces import MOST_ALPHAS, MOST_ALPHAS_A_GAP, alphas_within
from frontier_app.figures.frontier import FrontierPoint, Reading, frontier_figure
from frontier_app.models import Checkpoint, Evaluation, Problem, Study
from frontier_app.numbers.against_baseline import against_baseline, no_baseline, rate_pairs
from frontier_app.numbers.collapse import nearer_end, raised_alarms, signs_of
from frontier_app.numbers.conditions import conditions
from frontier_app.numbers.json_numbers import rounded
from frontier_app.numbers.placement import (
    Cells,
    Placed,
    Selection,
    changes_of,
    coverage_words,
    find_baseline,
    placed_evaluations,
    read_cells,
    select,
    with_baseline,
)
from frontier_app.viewer import Viewer

# Raised whenever the shape of `explorer_data` changes, so that no browser keeps the old one.
FORMAT = 4


def explorer_data(study: Study, selection: Selection, viewer: Viewer) -> dict[str, object]:
    """Everything the study page draws for one path, difficulty, setting, coverage level, rule and baseline.

    `evaluations` are in order of alpha, those apart from the path last. Each one's `cells` hold, problem after problem,
    n and the counts of solved, optimisation, correctness, no answer and infrastructure; its `point` holds rates with
    half-widths, what `frontier_app.numbers.against_baseline` says of it and the verdict beyond the ends, or is null
    while nothing is judged. A baseline that stands on another path joins the evaluations apart from this one. `gaps`
    are round alphas between two measured ones that nobody has planned to measure.
    """
    placed, elsewhere = with_baseline(study, selection)
    cells = read_cells(study, placed, selection.level, selection.rule, selection.difficulty)
    intervals = cluster_bootstrap(cells.classes, cells.counts.n)
    baseline = find_baseline(placed, selection.baseline)
    points = frontier_points(placed, intervals, len(cells.problems))
    planned = [one.alpha for one in placed if one.alpha is not None and _is_underway(one.evaluation)]
    numbers = _numbers(placed, cells, intervals, baseline)
    judged, spoiled = int(cells.counts.n.sum()), int(cells.counts.infrastructure.sum())
    shown = [one.evaluation for one in placed]
    return {
        "difficulty": selection.difficulty,
        "setting": selection.setting,
        "ends": {"low": _end(selection.path.low), "high": _end(selection.path.high)} if selection.path else None,
        "baseline": baseline,
        "gaps": _gaps(placed, intervals),
        "elsewhere": elsewhere if viewer.share_link is None else [],
        "conditions": conditions(study, shown, selection.difficulty, judged, spoiled),
        "problems": {
            "slug": [problem.slug for problem in cells.problems],
            "title": [problem.title for problem in cells.problems],
            "difficulty": [problem.difficulty for problem in cells.problems],
        },
        "evaluations": [
            _evaluation(one, placed, viewer) | {"cells": table.tolist(), "point": number if judged else None}
            for one, table, number, judged in zip(
                placed, _flat(cells), numbers, intervals.problems.tolist(), strict=True
            )
        ],
        "figures": {"frontier": frontier_figure(points), "composition": composition_figure(points, planned)},
    }


def data_version(study: Study, selection: Selection) -> str:
    """Changes whenever `explorer_data` would: with every ingested batch, every state, every new evaluation and every
    audited problem."""
    held_out = Problem.objects.filter(problem_set=study.held_out_set_id)
    problems = held_out.aggregate(problems=Count("pk"), audited=Count("pk", filter=~Q(audit={})))
    audit = study.held_out_set.audit if study.held_out_set else None
    path = selection.path.pk if selection.path else None
    view = (selection.difficulty, selection.setting, selection.level, selection.rule, selection.baseline)
    return hashlib.sha256(repr((FORMAT, changes_of(study), problems, audit, path, view)).encode()).hexdigest()[:32]


def frontier_of(study: Study, selection: Selection) -> dict[str, object]:
    """The frontier figure alone, from rows to Plotly dict."""
    placed = placed_evaluations(study, selection.path, selection.setting)
    cells = read_cells(study, placed, selection.level, selection.rule, selection.difficulty)
    intervals = cluster_bootstrap(cells.classes, cells.counts.n)
    return frontier_figure(frontier_points(placed, intervals, len(cells.problems)))


def frontier_points(placed: Sequence[Placed], intervals: RateIntervals, problems: int) -> list[FrontierPoint]:
    """What a figure draws: every evaluation with at least one judged problem, of `problems`."""
    return [
        FrontierPoint(
            key=one.evaluation.reference,
            label=one.label,
            mark=one.mark,
            alpha=one.alpha,
            shade=one.shade,
            covariance=intervals.covariance[index] if intervals.problems[index] > 1 else None,
            samples=int(intervals.samples[index]),
            problems=int(intervals.problems[index]),
            partial=is_partial(one, int(intervals.problems[index]), problems),
            **dict(zip(CLASSES, _readings(intervals, index), strict=True)),
        )
        for index, one in enumerate(placed)
        if intervals.problems[index]
    ]


def is_partial(one: Placed, judged: int, problems: int) -> bool:
    return one.evaluation.state != Evaluation.COMPLETE or judged < problems


def _end(checkpoint: Checkpoint) -> dict[str, str]:
    return {"reference": checkpoint.reference, "words": coverage_words(checkpoint.coverage) or checkpoint.name}


def _flat(cells: Cells) -> NDArray[np.int64]:
    """(evaluations, problems * 6): what the page keeps of each cell."""
    parts = [cells.counts.n[..., None], cells.classes, cells.counts.infrastructure[..., None]]
    table = np.concatenate(parts, axis=-1)
    return table.reshape(len(table), len(cells.problems) * 6)


def _evaluation(one: Placed, placed: Sequence[Placed], viewer: Viewer) -> dict[str, object]:
    evaluation, job = one.evaluation, one.evaluation.job
    jobs_shown = viewer.user is not None and viewer.share_link is None
    return {
        "reference": evaluation.reference,
        "checkpoint": one.checkpoint.reference,
        "name": one.checkpoint.name,
        "label": one.label,
        "alpha": one.alpha,
        "mark": one.mark,
        "shade": one.shade,
        "state": evaluation.state,
        "underway": _is_underway(evaluation),
        "samples_done": evaluation.samples_done,
        "samples_per_problem": evaluation.samples_per_problem,
        "job": job.get_absolute_url() if job is not None and jobs_shown else None,
        "alarms": raised_alarms(evaluation.alarms, nearer_end(one, placed)),
        "signs": signs_of(evaluation.alarms),
    }


def _gaps(placed: Sequence[Placed], intervals: RateIntervals) -> list[float]:
    measured = [
        one.alpha
        for one, judged in zip(placed, intervals.problems.tolist(), strict=True)
        if one.alpha is not None and judged
    ]
    most = min(MOST_ALPHAS_A_GAP, max(1, MOST_ALPHAS // max(len(measured), 1)))
    within = [alpha for low, high in pairwise(measured) for alpha in alphas_within(low, high, most)]
    return [alpha for alpha in within if all(alpha != one.alpha for one in placed)]


def _is_underway(evaluation: Evaluation) -> bool:
    return evaluation.state != Evaluation.COMPLETE and evaluation.job is not None and not evaluation.job.ended_already


def _numbers(
    placed: Sequence[Placed], cells: Cells, intervals: RateIntervals, baseline: int | None
) -> list[dict[str, object]]:
    """The `point` of every evaluation, aligned with `placed`."""
    compared = no_baseline(len(placed)) if baseline is None else against_baseline(cells, baseline)
    verdicts = verdicts_beyond(placed, intervals)
    infrastructure = cells.counts.infrastructure.sum(axis=1)
    return [
        {
            "n": int(intervals.samples[index]),
            "problems": int(intervals.problems[index]),
            "infrastructure": int(infrastructure[index]),
            "partial": is_partial(one, int(intervals.problems[index]), len(cells.problems)),
            "rates": rate_pairs(intervals.mean[index], intervals.half_width[index]),
            "beyond": _verdict(verdicts[index]),
            **compared[index],
        }
        for index, one in enumerate(placed)
    ]


def verdicts_beyond(placed: Sequence[Placed], intervals: RateIntervals) -> list[Extrapolation | None]:
    """Extends, stays or collapses, for the points of the path outside [0, 1]; None for all others."""
    on_path = [index for index, one in enumerate(placed) if one.alpha is not None]
    verdicts: list[Extrapolation | None] = [None] * len(placed)
    found = classify_extrapolated([placed[index].alpha or 0.0 for index in on_path], intervals.of(on_path))
    for index, verdict in zip(on_path, found, strict=True):
        verdicts[index] = verdict
    return verdicts


def _verdict(found: Extrapolation | None) -> dict[str, object] | None:
    if found is None:
        return None
    numbers = {name: rounded(getattr(found, name)) for name in ("beyond", "low", "high", "solve_change", "margin")}
    return {"verdict": found.verdict, "end": found.end, **numbers}


class Standing(NamedTuple):
    """One measured point of a path: what a table of a few columns tells about it. `beyond` is "" between the ends."""

    alpha: float
    trained: bool
    rates: dict[str, Reading]
    n: int
    beyond: str


def standings(study: Study, selection: Selection) -> list[Standing]:
    """The measured points of the selection's path in order of alpha."""
    placed = [one for one in placed_evaluations(study, selection.path, selection.setting) if one.alpha is not None]
    cells = read_cells(study, placed, selection.level, selection.rule, selection.difficulty)
    intervals = cluster_bootstrap(cells.classes, cells.counts.n)
    verdicts = verdicts_beyond(placed, intervals)
    return [
        Standing(
            alpha=one.alpha or 0.0,
            trained=one.mark == "trained",
            rates=dict(zip(CLASSES, _readings(intervals, index), strict=True)),
            n=int(intervals.samples[index]),
            beyond=found.verdict if (found := verdicts[index]) else "",
        )
        for index, one in enumerate(placed)
        if intervals.problems[index]
    ]


def rates_of(study: Study, evaluations: Sequence[Evaluation]) -> tuple[str, dict[int, dict[str, Reading]]]:
    """The difficulty that the study page opens with, and on it the rates by class of each evaluation that has any."""
    selection = select(study, {})
    placed = [Placed(one, None, "mid", None) for one in evaluations]
    cells = read_cells(study, placed, selection.level, selection.rule, selection.difficulty)
    intervals = cluster_bootstrap(cells.classes, cells.counts.n)
    return selection.difficulty, {
        one.pk: dict(zip(CLASSES, _readings(intervals, index), strict=True))
        for index, one in enumerate(evaluations)
        if intervals.problems[index]
    }


def _readings(intervals: RateIntervals, index: int) -> list[Reading]:
    return [
        Reading(float(mean), float(half))
        for mean, half in zip(intervals.mean[index], intervals.half_width[index], strict=True)
    ]
