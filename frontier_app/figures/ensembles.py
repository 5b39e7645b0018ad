"""pass@k against the budget: the ensemble with its interval, each member alone, and every baseline.

The ensemble is the thick line of ink and the only filled interval beside the best single; baselines are told apart by
their dashes, members by the scale from low to high coverage. A curve stops where it is undefined. The axis is
logarithmic: a step to the right is a factor. Numbers come in, a Plotly dict goes out; colours are names (see
`frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from compute.stats.rates import Floats
from frontier_app.figures.axes import axis
from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
# Colour, width and dash of each kind of line, in the order in which they are drawn over one another.
STYLES: dict[str, tuple[str, float, str]] = {
    "mean": (token("ink-3"), 1.4, "dot"),
    "oracle": (token("ink-3"), 1.4, "dashdot"),
    "seeds": (token("slow-text"), 1.8, "longdash"),
    "trained": (token("accent"), 1.8, "dashdot"),
    "alone": (token("ink-3"), 1.3, "solid"),
    "chosen": (token("ink-2"), 1.8, "dash"),
    "ensemble": (token("ink"), 3.0, "solid"),
}
BANDS = {"chosen": token("ink-3", 0.1), "ensemble": token("accent", 0.14)}
TICKS = (1, 2, 3, 5)


class PassCurve(NamedTuple):
    """One row along the budgets; arrays (budgets,), nan where undefined. `shade`: of a member on the coverage scale."""

    key: str
    name: str
    shade: float | None
    rate: Floats
    low: Floats
    high: Floats
    samples: Floats


def curves_figure(curves: Sequence[PassCurve], ks: Sequence[int], tokens: Floats | None = None) -> Figure:
    """The Plotly figure over budgets in samples, or in the `tokens` (budgets,) that the ensemble costs a problem."""
    x = np.asarray(ks, dtype=np.float64) if tokens is None else tokens
    drawn = sorted(curves, key=lambda curve: list(STYLES).index(curve.key))
    known = x[np.isfinite(x)]
    return {
        "data": [
            *(_band(curve, x) for curve in drawn if curve.key in BANDS and _points(curve, x).any()),
            *(_line(curve, x) for curve in drawn if _points(curve, x).any()),
        ],
        "layout": {
            "xaxis": _x_axis(known, tokens is not None),
            "yaxis": {
                "title": {
                    "text": "share of problems solved",
                    "font": {"size": 12, "color": token("ink-2")},
                    "standoff": 8,
                },
                "range": _y_range(curves),
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "zeroline": False,
                "nticks": 7,
            },
            "annotations": [] if any(_points(curve, x).any() for curve in curves) else [_nothing()],
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 54, "r": 14, "t": 10, "b": 42},
        },
        "table": _table(curves, ks, x if tokens is not None else None),
    }


def _points(curve: PassCurve, x: Floats) -> np.ndarray:
    return np.asarray(np.isfinite(curve.rate) & np.isfinite(x))


def _x_axis(known: Floats, by_tokens: bool) -> Figure:
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 10.0)
    span = np.log10(high / low) or 1.0
    words = "tokens a problem, as many as the ensemble uses" if by_tokens else "k, samples a problem"
    values = _ticks(low, high)
    return axis(words) | {
        "type": "log",
        "range": [round(float(np.log10(low) - 0.03 * span), 4), round(float(np.log10(high) + 0.03 * span), 4)],
        "tickvals": values,
        "ticktext": [f"{value:g}" if value < 10_000 else f"{value / 1000:g}k" for value in values],
    }


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the span: 1, 2, 3, 5 times powers of ten over a short one, fewer over a long one."""
    decades = np.log10(high / low)
    steps = TICKS if decades < 1.7 else (1, 3) if decades < 3.5 else (1,)
    exponents = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    values = [step * 10.0**exponent for exponent in exponents for step in steps]
    inside = [value for value in values if low * 0.999 <= value <= high * 1.001]
    return inside or [low]


def _y_range(curves: Sequence[PassCurve]) -> list[float]:
    """From just below 0 to past the highest interval: the share solved is read from the bottom."""
    highs = [np.nanmax(values) for curve in curves for values in (curve.rate, curve.high) if np.isfinite(values).any()]
    top = min(max([*map(float, highs), 0.1]) * 1.08, 1.03) if highs else 1.03
    return [round(-0.03 * top, 4), round(top, 4)]


def _colour(curve: PassCurve) -> str:
    colour = STYLES[curve.key][0]
    return ramp(curve.shade) if curve.key == "alone" and curve.shade is not None else colour


def _line(curve: PassCurve, x: Floats) -> Figure:
    shown = _points(curve, x)
    _, width, dash = STYLES[curve.key]
    return {
        "type": "scatter",
        "mode": "lines" if shown.sum() > 1 else "markers",
        "name": curve.name,
        "x": x[shown].round(1).tolist(),
        "y": curve.rate[shown].round(5).tolist(),
        "text": [
            _interval(low, high, samples)
            for low, high, samples in zip(curve.low[shown], curve.high[shown], curve.samples[shown], strict=True)
        ],
        "line": {"color": _colour(curve), "width": width, "dash": dash},
        "marker": {"color": _colour(curve), "size": 7},
        "hovertemplate": f"<b>{plain(curve.name)}</b><br>%{{y:.3f}}%{{text}}<extra></extra>",
        "meta": {"line": curve.key},
    }


def _interval(low: float, high: float, samples: float) -> str:
    doubt = f" [{low:.3f}, {high:.3f}]" if np.isfinite(low) else ""
    return f"{doubt}<br>{samples:g} samples a problem" if np.isfinite(samples) else doubt


def _band(curve: PassCurve, x: Floats) -> Figure:
    shown = _points(curve, x) & np.isfinite(curve.low)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x[shown].round(1).tolist(), *x[shown][::-1].round(1).tolist()],
        "y": [*curve.high[shown].round(5).tolist(), *curve.low[shown][::-1].round(5).tolist()],
        "fill": "toself",
        "fillcolor": BANDS[curve.key],
        "line": {"width": 0},
        "hoverinfo": "skip",
        "meta": {"band": curve.key},
    }


def _nothing() -> Figure:
    return {
        "xref": "paper",
        "x": 0.5,
        "yref": "paper",
        "y": 0.5,
        "text": "no budget here has enough samples",
        "showarrow": False,
        "font": {"size": 12, "color": token("ink-3")},
        "bgcolor": token("card"),
        "borderpad": 4,
    }


def _table(curves: Sequence[PassCurve], ks: Sequence[int], tokens: Floats | None) -> list[list[object]]:
    """The numbers of the figure: one row a line and budget, empty where undefined."""
    rows: list[list[object]] = [["line", "k", "tokens", "samples", "rate", "low", "high"]]
    for curve in curves:
        for place, k in enumerate(ks):
            numbers = (curve.samples, curve.rate, curve.low, curve.high)
            cost = _number(tokens[place]) if tokens is not None else None
            rows.append([curve.name, k, cost, *(_number(values[place]) for values in numbers)])
    return rows


def _number(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def plain(text: str) -> str:
    """Plotly reads tags and placeholders in a text; a name is shown as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%\u200b{")
