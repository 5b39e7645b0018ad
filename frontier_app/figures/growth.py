"""CPU seconds against input size: where a program's growth crosses the limit.

One line a checkpoint through the median of its samples on each test, on two logarithmic axes, so that a quadratic
program is twice as steep as a linear one. The shape of a mark is the commonest verdict: disc accepted, triangle too
slow or too large, cross wrong. Numbers come in, a Plotly dict goes out (colours: `frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from frontier_app.figures.axes import axis
from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
SYMBOLS = {"A": "circle", "T": "triangle-up", "M": "triangle-up", "O": "triangle-up"}
TICKS = [digit * 10**power for power in range(-1, 6) for digit in (1, 2, 5)]
# Below this the clock says more about the start of the process than about the program.
SHORTEST_MILLISECONDS = 0.5


class Growth(NamedTuple):
    """One checkpoint's median CPU milliseconds and commonest letter on each test, in size order.

    `alpha` is None for a checkpoint on no path.
    """

    checkpoint: str
    alpha: float | None
    sizes: Sequence[int]
    milliseconds: Sequence[float]
    letters: Sequence[str]


def growth_figure(growths: Sequence[Growth], limit_seconds: float) -> Figure:
    """The Plotly figure and its table; the dashed line is the problem's own CPU limit."""
    limit = limit_seconds * 1000
    return {
        "data": [_line(growth) for growth in growths],
        "layout": {
            "xaxis": axis("input size, bytes") | {"type": "log", "dtick": 1},
            "yaxis": axis("CPU time, ms") | {"type": "log", "tickvals": TICKS},
            "shapes": [
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": limit,
                    "y1": limit,
                    "line": {"color": token("slow"), "width": 1.2, "dash": "dash"},
                }
            ],
            "annotations": [
                {
                    "xref": "paper",
                    "x": 0,
                    "yref": "paper",
                    "y": 1,
                    "text": f"limit {limit:g} ms, dashed",
                    "showarrow": False,
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "font": {"size": 11, "color": token("slow-text")},
                }
            ],
            "showlegend": len(growths) > 1,
            "legend": {"font": {"size": 11, "color": token("ink-2")}, "x": 1.02, "y": 1, "tracegroupgap": 2},
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 52, "r": 10, "t": 22, "b": 42},
        },
        "table": [
            ["checkpoint", "alpha", "input_bytes", "median_cpu_milliseconds", "commonest_letter"],
            *(
                [growth.checkpoint, growth.alpha, size, value, letter]
                for growth in growths
                for size, value, letter in zip(growth.sizes, growth.milliseconds, growth.letters, strict=True)
            ),
        ],
    }


def _line(growth: Growth) -> Figure:
    colour = token("ink-3") if growth.alpha is None else ramp(growth.alpha)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": growth.checkpoint,
        "x": [max(size, 1) for size in growth.sizes],
        "y": [round(max(value, SHORTEST_MILLISECONDS), 2) for value in growth.milliseconds],
        "line": {"color": colour, "width": 1.5},
        "marker": {
            "color": colour,
            "size": 7,
            "symbol": [SYMBOLS.get(letter, "x") for letter in growth.letters],
        },
        "text": list(growth.letters),
        "hovertemplate": f"{growth.checkpoint}<br>%{{x}} bytes, %{{y}} ms, %{{text}}<extra></extra>",
    }
