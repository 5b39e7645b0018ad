"""The panels of the Frontiers page: from measured points to figures, rows of the table and notes, as JSON.

What is compared is what stands in one panel: dominance, and extends, stays or collapses beyond a trained end. Points
that are still being measured neither dominate nor are dominated. No queries, no statistics of its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from compute.stats.bootstrap import replicate_covariance
from compute.stats.frontier import Dominance, Extrapolation, classify_extrapolated, dominance, estimated_steps
from compute.stats.rates import CLASSES, CORRECTNESS, OPTIMISATION, SOLVED, Floats
from frontier_app.figures.exploration import exploration_figure, spans, ternary_figure
from frontier_app.figures.exploration_traces import AxisOf, Line, Spot, Sweep
from frontier_app.figures.frontier import Reading
from frontier_app.models import Checkpoint, Study
from frontier_app.numbers.exploration.choice import Asked, Stations
from frontier_app.numbers.exploration.page import METHOD, Explored, Measured
from frontier_app.numbers.exploration.rows import RATES, Judgement, hover_of, key_of, measure_words, row_of, table_of
from frontier_app.numbers.placement import settings_in_order

# More panels than this are too small to read.
MOST_PANELS = 12
NO_PATH = "on no path"
UNKNOWN_SCALE = "unknown base"
TITLES = {
    "optimisation": "optimisation-failure rate  →  slower",
    "correctness": "correctness-failure rate  →  more often wrong",
    "solved": "solve rate",
    "no_answer": "no-answer rate",
    "cpu_seconds": "mean CPU seconds, slowest test",
    "tokens": "mean tokens an answer",
    "memory": "mean peak memory, MiB",
}
MORE_IS_BETTER = ("solved", "pass_at_k")
FAILURES = ("optimisation", "correctness", "no_answer")


class Panel(NamedTuple):
    """Which of the points stand in one panel, and the figures that hold there."""

    key: str
    title: str
    places: list[int]
    numbers: Measured


def exploration_data(study: Study, explored: Explored, may_launch: bool) -> dict[str, object]:
    """Everything the page draws: panels with a figure and rows each, notes, the method, the baseline."""
    asked = explored.asked
    panels = panels_of(explored)
    shown = panels[:MOST_PANELS]
    x, y = axis_of(asked.x, asked.k, asked.log_x), axis_of(asked.y, asked.k, asked.log_y)
    drawn = [drawable(explored, panel, (x, y)) for panel in shown]
    judged = [judge(explored, panel) for panel in shown]
    spots = [
        spots_of(explored, panel, places, found, (x, y))
        for panel, places, found in zip(shown, drawn, judged, strict=True)
    ]
    ranges = spans([spot for some in spots for spot in some], x, y)
    small = len(shown) > 1
    made = []
    for panel, places, found, some in zip(shown, drawn, judged, spots, strict=True):
        lines = lines_of(study, explored, panel, places, may_launch)
        if asked.form == "ternary":
            figure = ternary_figure(some, lines, small)
        else:
            figure = exploration_figure(some, lines, (x, y), ranges, small)
        rows = [row_of(explored, panel.numbers, index, found) for index in panel.places]
        made.append(
            {
                "key": panel.key,
                "title": panel.title,
                "problems": panel.numbers.table.problems,
                "figure": figure | {"table": table_of(asked, panel.title, rows)},
                "rows": rows,
            }
        )
    return {
        "total": explored.chosen.total,
        "shown": len(explored.placed),
        "drawn": len({index for places in drawn for index in places}),
        "measured": len({index for panel in panels for index in panel.places if panel.numbers.judged(index)}),
        "axes": {"x": _axis_words(asked, asked.x), "y": _axis_words(asked, asked.y)},
        "baseline": _baseline_of(explored),
        "method": METHOD,
        "notes": notes(explored, panels, drawn),
        "panels": made,
    }


def panels_of(explored: Explored) -> list[Panel]:
    """By difficulty every point is in every panel; by path a trained end is in the panel of each of its paths."""
    everything = list(range(len(explored.placed)))
    facet = explored.asked.facet
    if facet == "difficulty":
        return [Panel(name, name, everything, numbers) for name, numbers in explored.measured.items()]
    numbers = explored.measured[""]
    if facet == "path":
        found = {(str(one.path.pk), one.path.name): list(one.places) for one in explored.stations if one.places}
        apart = sorted(set(everything) - {index for places in found.values() for index in places})
        found |= {("none", NO_PATH): apart} if apart else {}
    elif facet in ("setting", "scale"):
        found = {}
        for index, one in enumerate(explored.placed):
            name = one.evaluation.setting if facet == "setting" else explored.scales[index] or UNKNOWN_SCALE
            found.setdefault((name, name), []).append(index)
        names = {name for name, _ in found}
        order = settings_in_order(names) if facet == "setting" else sorted(names)
        found = {(name, name): found[name, name] for name in order}
    else:
        found = {("", ""): everything}
    return [Panel(key, title, places, numbers) for (key, title), places in found.items()]


def axis_of(measure: str, k: int, log: bool) -> AxisOf:
    title = f"pass@{k}" if measure == "pass_at_k" else TITLES[measure]
    return AxisOf(title, log, measure in FAILURES)


def _axis_words(asked: Asked, measure: str) -> dict[str, object]:
    return {
        "key": measure,
        "words": measure_words(asked, measure),
        "rate": measure in RATES,
        "more": measure in MORE_IS_BETTER,
    }


def drawable(explored: Explored, panel: Panel, axes: tuple[AxisOf, AxisOf]) -> list[int]:
    """The points that the panel can show: measured, and with a place on both axes or in the triangle."""
    asked, numbers = explored.asked, panel.numbers
    found = []
    for index in panel.places:
        if not numbers.judged(index):
            continue
        if asked.form == "ternary":
            if numbers.classes.mean[index, : CORRECTNESS + 1].sum() > 0:
                found.append(index)
            continue
        values = [axis.scaled(numbers.reading(name, index)[0]) for axis, name in zip(axes, _pair(asked), strict=True)]
        if np.isfinite(values).all():
            found.append(index)
    return found


def _pair(asked: Asked) -> tuple[str, str]:
    return ("optimisation", "correctness") if asked.form == "ternary" else (asked.x, asked.y)


def judge(explored: Explored, panel: Panel) -> Judgement:
    """Dominance among the panel's whole points, and what lies past the ends of its paths."""
    numbers, pair = panel.numbers, _pair(explored.asked)
    whole = [index for index in panel.places if numbers.judged(index) and not explored.partial(index, numbers)]
    better = (1 if pair[0] in MORE_IS_BETTER else -1, 1 if pair[1] in MORE_IS_BETTER else -1)
    both = [numbers.measures[name] for name in pair]
    means = np.stack([one.mean[whole] for one in both], axis=-1)
    replicates = np.stack([one.replicates[:, whole] for one in both], axis=-1)
    standing = {}
    for index, found in zip(whole, dominance(means, replicates, better), strict=True):
        by = None if found.by is None else whole[found.by]
        standing[index] = Dominance(found.standing, by, found.lead, found.lead_low)
    beyond: dict[int, Extrapolation] = {}
    for one in explored.stations:
        alphas, places = _within(one, panel)
        for index, verdict in zip(places, classify_extrapolated(alphas, numbers.classes.of(places)), strict=True):
            if verdict is not None:
                beyond.setdefault(index, verdict)
    return Judgement(standing, beyond)


def _within(stations: Stations, panel: Panel) -> tuple[list[float], list[int]]:
    inside = set(panel.places)
    kept = [(alpha, index) for alpha, index in zip(stations.alphas, stations.places, strict=True) if index in inside]
    return [alpha for alpha, _ in kept], [index for _, index in kept]


def lines_of(study: Study, explored: Explored, panel: Panel, drawn: Sequence[int], may_launch: bool) -> list[Line]:
    """The paths through a panel's spots. Where the panel's points are held-out ones, which sweeps measure, a step leads
    to the form that launches one in the panel's setting."""
    spot_of = {index: spot for spot, index in enumerate(drawn)}
    lines = []
    for one in explored.stations:
        alphas, places = _within(one, panel)
        kept = [(alpha, index) for alpha, index in zip(alphas, places, strict=True) if index in spot_of]
        if len(kept) < 2:
            continue
        missing = [alpha for alpha, index in zip(alphas, places, strict=True) if index not in spot_of]
        unsure = [explored.partial(index, panel.numbers) for _, index in kept]
        evaluation = explored.placed[kept[0][1]].evaluation
        sweeps = may_launch and evaluation.problem_set_id == study.held_out_set_id
        sweep = Sweep(one.path.low.reference, one.path.high.reference, evaluation.setting)
        lines.append(
            Line(
                name=one.path.name,
                spots=[spot_of[index] for _, index in kept],
                alphas=[alpha for alpha, _ in kept],
                estimated=estimated_steps([alpha for alpha, _ in kept], unsure, missing).tolist(),
                launch=sweep if sweeps else None,
            )
        )
    return lines


def spots_of(
    explored: Explored, panel: Panel, places: Sequence[int], judgement: Judgement, axes: tuple[AxisOf, AxisOf]
) -> list[Spot]:
    """One a place. Of the two covariances only the one that the form draws is worked out."""
    ternary = explored.asked.form == "ternary"
    spread = _shares_covariance(panel.numbers, places) if ternary else _covariance(explored, panel, places, axes)
    spots = []
    for index, covariance in zip(places, spread, strict=True):
        known = covariance if panel.numbers.judged(index) > 1 else None
        spots.append(_spot(explored, panel, index, judgement, None if ternary else known, known if ternary else None))
    return spots


def _spot(
    explored: Explored,
    panel: Panel,
    index: int,
    judgement: Judgement,
    covariance: Floats | None,
    shares_covariance: Floats | None,
) -> Spot:
    one, numbers = explored.placed[index], panel.numbers
    x, y = _pair(explored.asked)
    classes = numbers.classes.mean[index]
    beyond = judgement.beyond.get(index)
    standing = judgement.standing.get(index)
    return Spot(
        key=key_of(one.checkpoint),
        label=one.label + (f" {beyond.verdict}" if beyond else ""),
        mark=one.mark,
        filled=one.checkpoint.origin != Checkpoint.MERGED,
        shade=one.shade,
        x=Reading(*numbers.reading(x, index)),
        y=Reading(*numbers.reading(y, index)),
        covariance=covariance,
        shares=_shares(classes),
        shares_covariance=shares_covariance,
        no_answer=float(classes[CLASSES.index("no_answer")]),
        partial=explored.partial(index, numbers),
        dominated=standing is not None and standing.standing == "dominated",
        hover=hover_of(explored, numbers, index, judgement),
    )


def _covariance(explored: Explored, panel: Panel, places: Sequence[int], axes: tuple[AxisOf, AxisOf]) -> Floats:
    """(places, 2, 2) of the replicates as the axes scale them."""
    columns = []
    for name, axis in zip(_pair(explored.asked), axes, strict=True):
        values = panel.numbers.measures[name].replicates[:, list(places)]
        if axis.log:
            values = np.log10(values, out=np.full(values.shape, np.nan), where=values > 0)
        columns.append(values)
    return replicate_covariance(np.stack(columns, axis=-1))


def _shares(classes: Floats) -> tuple[float, float, float]:
    """Solved, correctness and optimisation among the answers with a program; nan where there is none."""
    parts = [float(classes[one]) for one in (SOLVED, CORRECTNESS, OPTIMISATION)]
    whole = sum(parts)
    solved, wrong, slow = (part / whole if whole else float("nan") for part in parts)
    return solved, wrong, slow


def _shares_covariance(numbers: Measured, places: Sequence[int]) -> Floats:
    """(places, 2, 2) of the replicates of the shares of correctness and optimisation."""
    parts = numbers.classes.replicates[:, list(places)]
    whole = parts[..., [SOLVED, OPTIMISATION, CORRECTNESS]].sum(axis=-1, keepdims=True)
    pair = parts[..., [CORRECTNESS, OPTIMISATION]]
    return replicate_covariance(np.divide(pair, whole, out=np.full(pair.shape, np.nan), where=whole > 0))


def _baseline_of(explored: Explored) -> dict[str, str] | None:
    index = next((one for one in explored.baseline if one is not None), None)
    if index is None:
        return None
    checkpoint = explored.placed[index].checkpoint
    return {"reference": checkpoint.reference, "name": checkpoint.name}


def notes(explored: Explored, panels: Sequence[Panel], drawn: Sequence[Sequence[int]]) -> list[str]:
    """What the page leaves out and what to do about it, a sentence each."""
    asked, chosen = explored.asked, explored.chosen
    found = []
    if chosen.total > len(chosen.evaluations):
        found.append(
            f"{chosen.total:,} points match; these are the newest {len(chosen.evaluations)}. Narrow the set with a "
            "filter such as “alpha >= 1”, or with a path or an origin, to see others.".replace(",", "\u202f", 1)
        )
    if len(panels) > MOST_PANELS:
        found.append(f"{len(panels)} panels would be too small to read; these are the first {MOST_PANELS}.")
    shown = panels[: len(drawn)]
    missing = sum(
        bool(panel.numbers.judged(index))
        for panel, places in zip(shown, drawn, strict=True)
        for index in set(panel.places) - set(places)
    )
    points = "1 measured point is" if missing == 1 else f"{missing} measured points are"
    if missing and "pass_at_k" in (asked.x, asked.y) and asked.form != "ternary":
        found.append(f"{points} not drawn: pass@{asked.k} needs {asked.k} samples of a problem. Lower k to see them.")
    elif missing and asked.form == "ternary":
        found.append(f"{points} not drawn: no answer of theirs holds a program.")
    elif missing:
        found.append(f"{points} not drawn: a logarithmic axis has no place for 0. Switch the scale to see them.")
    if asked.baseline and all(one is None for one in explored.baseline):
        found.append("The baseline is not among these points; choose another, or widen the set.")
    return found
