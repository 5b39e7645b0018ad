"""The points of the Frontiers page as rows of its table, as words beside a mark, and as numbers for a file.

Rates come with their half-widths and are null where nothing is judged. No queries, no statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compute.stats.frontier import Dominance, Extrapolation
from compute.stats.rates import CLASSES, RATE_NAMES
from frontier_app.figures.frontier import Reading
from frontier_app.models import Checkpoint
from frontier_app.numbers.exploration.choice import MEASURES, Asked
from frontier_app.numbers.exploration.page import Explored, Measured

ROUNDING = 1e-12
RATES = (*CLASSES, "pass_at_k")
CLASS_WORDS = {"solved": "solved", "optimisation": "too slow", "correctness": "wrong", "no_answer": "no program"}


@dataclass(frozen=True)
class Judgement:
    """What a panel says of its points, by their places: dominance, and what lies past the ends of its paths."""

    standing: Mapping[int, Dominance]
    beyond: Mapping[int, Extrapolation]


def key_of(checkpoint: Checkpoint) -> str:
    """What is pinned, selected and lit: the checkpoint, which has one point a panel."""
    return str(checkpoint.pk)


def measure_words(asked: Asked, measure: str) -> str:
    return f"pass@{asked.k}" if measure == "pass_at_k" else MEASURES[measure]


def row_of(explored: Explored, numbers: Measured, index: int, judgement: Judgement) -> dict[str, object]:
    """One row of the table beneath: rates with half-widths, null where nothing is judged."""
    one, asked = explored.placed[index], explored.asked
    evaluation = one.evaluation
    standing, beyond = judgement.standing.get(index), judgement.beyond.get(index)
    judged = numbers.judged(index)
    path = next((found.path.name for found in explored.stations if index in found.places), "")
    return {
        "key": key_of(one.checkpoint),
        "reference": evaluation.reference,
        "checkpoint": one.checkpoint.reference,
        "name": one.checkpoint.name,
        "label": one.label,
        "path": path if one.alpha is not None else "",
        "alpha": one.alpha,
        "mark": one.mark,
        "filled": one.checkpoint.origin != Checkpoint.MERGED,
        "shade": one.shade,
        "origin": one.checkpoint.origin,
        "setting": evaluation.setting,
        "state": evaluation.state,
        "partial": bool(judged) and explored.partial(index, numbers),
        "n": int(numbers.classes.samples[index]),
        "problems": judged,
        "infrastructure": int(numbers.table.counts.infrastructure[index].sum()),
        "rates": {name: _pair_of(numbers.reading(name, index)) for name in CLASSES} if judged else None,
        "x": _pair_of(numbers.reading(asked.x, index)) if judged and asked.form != "ternary" else None,
        "y": _pair_of(numbers.reading(asked.y, index)) if judged and asked.form != "ternary" else None,
        "deltas": _deltas(explored, numbers, index) if judged else None,
        "standing": _standing(explored, standing),
        "beyond": beyond.verdict if beyond else "",
    }


def _deltas(explored: Explored, numbers: Measured, index: int) -> dict[str, object] | None:
    """Paired differences to the baseline by measure: the mean, and the ends of its interval."""
    deltas = numbers.deltas
    if not deltas or explored.baseline[index] is None:
        return None
    return {
        name: [_rounded(found.mean[index]), _rounded(found.low[index]), _rounded(found.high[index])]
        for name, found in deltas.items()
    }


def _standing(explored: Explored, found: Dominance | None) -> dict[str, object] | None:
    if found is None:
        return None
    by = None if found.by is None else explored.placed[found.by]
    return {
        "words": found.standing,
        "by": key_of(by.checkpoint) if by else None,
        "name": by.checkpoint.name if by else None,
        "lead": [_rounded(one) for one in found.lead] if found.lead else None,
        "lead_low": [_rounded(one) for one in found.lead_low] if found.lead_low else None,
    }


def _pair_of(reading: tuple[float, float]) -> list[float | None]:
    """Mean and half-width; a width that only rounding made is none."""
    mean, half = reading
    return [_rounded(mean), 0.0 if half <= ROUNDING * abs(mean) else _rounded(half)]


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def hover_of(explored: Explored, numbers: Measured, index: int, judgement: Judgement) -> list[str]:
    """The lines beside a mark."""
    one, asked = explored.placed[index], explored.asked
    standing, beyond = judgement.standing.get(index), judgement.beyond.get(index)
    lines = [f"<b>{one.checkpoint.name}</b>" + (" · still measuring" if explored.partial(index, numbers) else "")]
    lines += [f"{words} {Reading(*numbers.reading(name, index))}" for name, words in CLASS_WORDS.items()]
    lines += [f"{measure_words(asked, name)} {written(name, *numbers.reading(name, index))}" for name in asked.measures]
    lines.append(f"n = {numbers.classes.samples[index]} ({numbers.judged(index)} problems)")
    if beyond is not None:
        lines.append(f"{beyond.verdict} past a = {beyond.end:g}")
    if standing is not None and standing.by is not None:
        better = explored.placed[standing.by].checkpoint.name
        noise = "" if standing.standing == "dominated" else ", within noise"
        lines.append(f"{better} is better on both axes{noise}")
    return lines


def written(measure: str, mean: float, half: float) -> str:
    """A figure with its doubt: three decimals for a rate, four digits for everything else."""
    if measure in RATES:
        return str(Reading(mean, half))
    return f"{mean:.4g}" + ("" if np.isnan(half) else f" ± {half:.2g}")


def table_of(asked: Asked, title: str, rows: Sequence[dict]) -> list[list[object]]:
    """The numbers behind a figure, for a file."""
    axes = [] if asked.form == "ternary" else list(asked.measures)
    names = [RATE_NAMES[name] for name in CLASSES]
    head = [
        "checkpoint",
        "evaluation",
        "path",
        "alpha",
        "origin",
        "setting",
        "panel",
        "n",
        "problems",
        "infrastructure",
    ]
    head += [part for name in names for part in (name, f"{name.removesuffix('_rate')}_half_width")]
    head += [part for name in axes for part in (name, f"{name}_half_width")]
    table: list[list[object]] = [[*head, "dominated", "beyond"]]
    for row in rows:
        if row["rates"] is None:
            continue
        facts = [row[name] for name in ("checkpoint", "reference", "path", "alpha", "origin", "setting")]
        figures = [value for name in CLASSES for value in row["rates"][name]]
        more = [value for name in axes for value in (row["x"] if name == asked.x else row["y"])]
        standing = row["standing"]["words"] if row["standing"] else ""
        counted = [title, row["n"], row["problems"], row["infrastructure"]]
        table.append([*facts, *counted, *figures, *more, standing, row["beyond"]])
    return table
