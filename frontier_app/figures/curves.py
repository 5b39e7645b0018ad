"""Training curves: one small figure a metric, one line a run, on the scale from low to high coverage.

Two runs of one coverage share its colour; dashes tell seeds apart, and the names of a few runs stand at the ends of
their lines. A step where a figure is undefined breaks the line. Nothing is smoothed. Numbers come in, a Plotly dict
goes out; colours are names (see `frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
# More runs than this have no room for their names; the table above the curves names them all.
NAMED_RUNS, LONGEST_NAME = 6, 16
# The height of a name as a share of the plot's.
LINE_SHARE = 0.085
# An axis ends here at most: further on its length would overflow, and infinity is not JSON.
LARGEST = 1e300


class Curve(NamedTuple):
    """One run's values of one metric. `shade` is the place on the coverage scale, 0 low and 1 high."""

    run: str
    shade: float
    seed: int
    steps: Sequence[int]
    values: Sequence[float | None]


def curves_figure(curves: Sequence[Curve], longest: int, named: bool = True) -> Figure:
    """The Plotly figure of one metric and its table. The axis reaches to step `longest`, so that a live curve grows
    into it; a small plot has no room for names."""
    seeds = sorted({curve.seed for curve in curves})
    values = [value for curve in curves for value in curve.values if value is not None]
    span = _span(values)
    names = _end_names(curves, span) if named and any(values) and len(curves) <= NAMED_RUNS else []
    return {
        "data": [_line(curve, DASHES[seeds.index(curve.seed) % len(DASHES)]) for curve in curves],
        "layout": {
            "xaxis": {
                "range": [0, longest],
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "zeroline": False,
                "nticks": 6,
            },
            "yaxis": {
                "range": list(span),
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "zeroline": False,
                "nticks": 5,
                "exponentformat": "power",
            },
            "annotations": [_nothing()] if values and not any(values) else names,
            "showlegend": False,
            "hovermode": "x",
            "dragmode": False,
            "margin": {"l": 44, "r": _room(names), "t": 8, "b": 26},
        },
        "table": [
            ["run", "seed", "step", "value"],
            *(
                [curve.run, curve.seed, step, value]
                for curve in curves
                for step, value in zip(curve.steps, curve.values, strict=True)
            ),
        ],
    }


def _span(values: Sequence[float]) -> tuple[float, float]:
    """A share starts just below 0, and ends past 1 once it passes one half; any other figure fills the height."""
    low, high = (max(min(values), -LARGEST), min(max(values), LARGEST)) if values else (0.0, 1.0)
    if low >= 0 and high <= 1:
        top = 1.03 if high > 0.5 else high * 1.15 or 1.0
        return -0.05 * top, top
    slack = 0.06 * (high - low) or 0.06 * abs(high)
    return low - slack, high + slack


def _end_names(curves: Sequence[Curve], span: tuple[float, float]) -> list[Figure]:
    """The runs' names to the right of the plot, each at the height of its last value, moved apart where they touch."""
    ends = [(last, curve.run) for curve in curves for last in [_last(curve)] if last is not None]
    least, floor = LINE_SHARE * (span[1] - span[0]), span[0]
    names = []
    for place, (last, run) in enumerate(sorted(ends)):
        above = len(ends) - 1 - place
        floor = min(max(last, floor), span[1] - above * least)
        names.append(_name(run, floor))
        floor += least
    return names


def _last(curve: Curve) -> float | None:
    return next((value for value in reversed(curve.values) if value is not None), None)


def _name(run: str, height: float) -> Figure:
    text = run if len(run) <= LONGEST_NAME else f"{run[: LONGEST_NAME - 1]}…"
    return {
        "xref": "paper",
        "x": 1,
        "xshift": 4,
        "xanchor": "left",
        "y": float(f"{height:.5g}"),
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": token("ink-2")},
    }


def _nothing() -> Figure:
    return {
        "xref": "paper",
        "x": 0.5,
        "yref": "paper",
        "y": 0.5,
        "text": "0 at every step of every run",
        "showarrow": False,
        "font": {"size": 12, "color": token("ink-3")},
        "bgcolor": token("card"),
        "borderpad": 4,
    }


def _room(names: Sequence[Figure]) -> int:
    """The margin, in pixels, that the names beside the plot take."""
    return 10 + max((7 * len(str(name["text"])) for name in names), default=0)


def _line(curve: Curve, dash: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines" if len(curve.steps) > 1 else "markers",
        "name": curve.run,
        "x": list(curve.steps),
        "y": [None if value is None else float(f"{value:.5g}") for value in curve.values],
        "line": {"color": ramp(curve.shade), "width": 1.7, "dash": dash},
        "connectgaps": False,
        "hovertemplate": f"{curve.run} %{{y:.4g}}<extra></extra>",
    }
