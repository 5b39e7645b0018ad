"""Training curves: one small figure a metric, one line a run, on the scale from low to high coverage.

Two runs of one coverage share its colour; dashes tell seeds apart. A step where a figure is undefined breaks the line.
Nothing is smoothed. Numbers come in, a Plotly dict goes out; colours are names (see `frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


class Curve(NamedTuple):
    """One run's values of one metric. `shade` is the place on the coverage scale, 0 low and 1 high."""

    run: str
    shade: float
    seed: int
    steps: Sequence[int]
    values: Sequence[float | None]


def curves_figure(curves: Sequence[Curve], longest: int) -> Figure:
    """The Plotly figure of one metric. The axis reaches to step `longest`, so that a live curve grows into it."""
    seeds = sorted({curve.seed for curve in curves})
    values = [value for curve in curves for value in curve.values if value is not None]
    share = bool(values) and min(values) >= 0 and max(values) <= 1
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
                **({"range": [0, 1] if max(values) > 0.5 else [0, max(values) * 1.15 or 1]} if share else {}),
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "zeroline": False,
                "nticks": 5,
            },
            "showlegend": False,
            "hovermode": "x",
            "dragmode": False,
            "margin": {"l": 44, "r": 10, "t": 8, "b": 26},
        },
    }


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
