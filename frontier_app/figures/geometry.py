"""How two checkpoints moved away from their base, in three figures: lengths and angle by layer, and the distance from
the base along the path.

Layers stand side by side in the order of the model. Shapes tell what colours tell: discs for the low end, squares for
the high one. Each figure carries the `table` behind it. Numbers come in, a Plotly dict goes out (colours:
`frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from frontier_app.figures.axes import lined_axis
from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
# So many layers have room for a line between their marks and a name under each.
ROOMY = 16


class Layer(NamedTuple):
    """Lengths of the two differences from the base; `cosine` is None where one of them is zero."""

    name: str
    numbers: int
    low_norm: float
    high_norm: float
    cosine: float | None


class Point(NamedTuple):
    alpha: float
    distance: float


def norms_figure(layers: Sequence[Layer], low: str, high: str) -> Figure:
    """The length of each end's difference from the base, layer by layer."""
    return {
        "data": [
            _marks(layers, [one.low_norm for one in layers], low, "circle", ramp(0)),
            _marks(layers, [one.high_norm for one in layers], high, "square", ramp(1)),
        ],
        "layout": {
            "xaxis": _layers(layers),
            "yaxis": _axis("length of the difference") | {"rangemode": "tozero"},
            **_FRAME,
            **_LEGEND,
        },
        "table": _table(layers),
    }


def cosine_figure(layers: Sequence[Layer]) -> Figure:
    """The cosine between the two differences, layer by layer: 1 where both moved the same way, 0 at right angles."""
    return {
        "data": [_marks(layers, [one.cosine for one in layers], "cosine", "diamond", token("ink-2"))],
        "layout": {
            "xaxis": _layers(layers),
            "yaxis": _axis("cosine") | {"range": [-1.06, 1.06], "tickvals": [-1, -0.5, 0, 0.5, 1]},
            "shapes": [_rule("y", 0.0)],
            **_FRAME,
        },
        "table": _table(layers),
    }


def distance_figure(predicted: Sequence[Point], measured: Sequence[Point], ends: tuple[float, float]) -> Figure:
    """Distance from the base at each alpha, predicted and, where an engine set the weights, measured. `ends`: the
    lengths of the two differences."""
    marks = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "trained ends",
            "x": [0, 1],
            "y": [_digits(one) for one in ends],
            "marker": {"color": [ramp(0), ramp(1)], "symbol": ["circle", "square"], "size": 11},
            "hovertemplate": "<b>a = %{x}</b><br>%{y} from the base<extra></extra>",
            "cliponaxis": False,
        }
    ]
    if measured:
        marks.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "measured",
                "x": [one.alpha for one in measured],
                "y": [_digits(one.distance) for one in measured],
                "marker": {"symbol": "circle-open", "size": 8, "color": token("ink"), "line": {"width": 1.4}},
                "hovertemplate": "<b>a = %{x}</b><br>%{y} from the base, measured<extra></extra>",
                "cliponaxis": False,
            }
        )
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "predicted",
                "x": [one.alpha for one in predicted],
                "y": [_digits(one.distance) for one in predicted],
                "line": {"color": token("ink-3"), "width": 2},
                "hovertemplate": "<b>a = %{x}</b><br>%{y} from the base, predicted<extra></extra>",
            },
            *marks,
        ],
        "layout": {
            "xaxis": _axis("alpha"),
            "yaxis": _axis("distance from the base") | {"rangemode": "tozero"},
            "shapes": [_rule("x", 0.0), _rule("x", 1.0)],
            **_FRAME,
            **_LEGEND,
        },
        "table": [
            ["alpha", "distance", "how"],
            *([one.alpha, one.distance, "predicted"] for one in predicted),
            *([one.alpha, one.distance, "measured"] for one in measured),
        ],
    }


def _marks(layers: Sequence[Layer], values: Sequence[float | None], name: str, symbol: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(layers) > 1 else "markers",
        "name": name,
        "x": list(range(1, len(layers) + 1)),
        "y": [None if value is None else _digits(value) for value in values],
        "line": {"color": colour, "width": 1.2},
        "marker": {"color": colour, "symbol": symbol, "size": 9 if len(layers) <= ROOMY else 6},
        "hovertext": [f"<b>{one.name}</b><br>{one.numbers:,} numbers".replace(",", "\u202f") for one in layers],
        "hovertemplate": "%{hovertext}<br>%{y}<extra>%{fullData.name}</extra>",
        "cliponaxis": False,
    }


def _table(layers: Sequence[Layer]) -> list[list[object]]:
    return [["layer", "numbers", "low_norm", "high_norm", "cosine"], *(list[object](one) for one in layers)]


def _layers(layers: Sequence[Layer]) -> Figure:
    """Where there is room, each layer by the last part of its name; else its place."""
    axis = _axis("layers, in the order of the model") | {"range": [0.4, max(len(layers), 1) + 0.6], "showgrid": False}
    if len(layers) > ROOMY:
        return axis
    return axis | {"tickvals": list(range(1, len(layers) + 1)), "ticktext": [_short(one.name) for one in layers]}


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1].removesuffix("_tokens")


def _digits(value: float) -> float:
    return float(f"{value:.5g}")


def _rule(axis: str, at: float) -> Figure:
    """A hairline across the plot where the axis has the value `at`."""
    other = "x" if axis == "y" else "y"
    ends = {f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1, f"{axis}0": at, f"{axis}1": at}
    return {"type": "line", "layer": "below", "line": {"color": token("line-strong"), "width": 1, "dash": "dot"}} | ends


def _axis(title: str) -> Figure:
    return lined_axis(title) | {"automargin": True}


_FRAME: Figure = {
    "showlegend": False,
    "hovermode": "closest",
    "dragmode": False,
    "margin": {"l": 52, "r": 12, "t": 30, "b": 44},
}
_LEGEND: Figure = {
    "showlegend": True,
    "legend": {
        "orientation": "h",
        "x": 0,
        "y": 1.02,
        "yanchor": "bottom",
        "font": {"size": 11, "color": token("ink-2")},
    },
}
