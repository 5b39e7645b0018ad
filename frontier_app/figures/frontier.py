"""The frontier: optimisation failures against correctness failures, one mark a checkpoint, joined in order of alpha.

Trained checkpoints are filled, merges open, extrapolated ones ringed; the initialisation is a square and a checkpoint
apart from the path (another coverage, seed or length of training) a diamond. Dotted diagonals join equal solve rates.
Every segment of the path joins two measured points and is straight: nothing is smoothed. A point whose evaluation still
runs is drawn pale.

Numbers come in, a Plotly dict goes out; colours are names (see `frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from compute.stats.bootstrap import ellipse
from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
Span = tuple[float, float]
Box = tuple[float, float, float, float]
Mark = Literal["trained", "merged", "extrapolated", "initialisation", "mid"]
# Half an em between a label and its mark, room for the ring of a chosen one.
SPACE = "\u2002"
SYMBOLS = {"initialisation": "square", "mid": "diamond"}

# So many ellipses are drawn at their full strength; more share it.
FULL_ELLIPSES = 40

# Every tenth has its diagonal; these are named.
NAMED_SOLVE_RATES = (0.0, 0.2, 0.4, 0.6, 0.8)

# The size a plot has on a page of 1280 px, for keeping labels apart; any other size only moves them.
PLOT_WIDTH, PLOT_HEIGHT = 600.0, 300.0
LABEL_HEIGHT, LETTER_WIDTH, MARK_RADIUS = 14.0, 6.2, 9.0
PLACES = {
    "top right": (1, 1),
    "bottom left": (-1, -1),
    "top left": (-1, 1),
    "bottom right": (1, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
    "top center": (0, 1),
    "bottom center": (0, -1),
}


@dataclass(frozen=True)
class Reading:
    """A rate and half the width of its 95 % interval, nan where that is unknown."""

    rate: float
    half_width: float

    def __str__(self) -> str:
        doubt = "" if np.isnan(self.half_width) else f" ± {self.half_width:.3f}"
        return f"{self.rate:.3f}{doubt}"


@dataclass(frozen=True)
class Difference(Reading):
    """A difference of two rates with the ends of its 95 % interval, which need not be equally far from it."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class FrontierPoint:
    """One evaluation on one difficulty. `shade` is its place on the coverage scale, None for the initialisation.

    `covariance` ((2, 2), optimisation then correctness) is None where fewer than two problems are measured.
    """

    key: str
    label: str
    mark: Mark
    alpha: float | None
    shade: float | None
    solved: Reading
    optimisation: Reading
    correctness: Reading
    no_answer: Reading
    covariance: np.ndarray | None
    samples: int
    problems: int
    partial: bool = False

    @property
    def colour(self) -> str:
        return token("ink-3") if self.shade is None else ramp(self.shade)


def frontier_figure(points: Sequence[FrontierPoint]) -> Figure:
    """The Plotly figure of `points`; with none, the empty axes and their diagonals."""
    path = sorted((point for point in points if point.alpha is not None), key=lambda point: point.alpha or 0.0)
    apart = [point for point in points if point.alpha is None]
    x_range, y_range = axis_range([p.optimisation for p in points]), axis_range([p.correctness for p in points])
    places, taken = _label_places([*apart, *path], x_range, y_range)
    ends = diagonals(x_range, y_range)
    traces = [
        *(iso_solve(*end) for _, *end in ends),
        *_ellipses([*apart, *path]),
        *(_segment(left, right) for left, right in pairwise(path)),
        *(_ring(point) for point in path if point.mark == "extrapolated"),
        *_marks([*apart, *path], places),
    ]
    return {
        "data": traces,
        "layout": {
            "xaxis": axis("optimisation-failure rate  →  slower", x_range),
            "yaxis": axis("correctness-failure rate  →  more often wrong", y_range),
            "annotations": [
                iso_name(solved, x, y, x == x_range[1])
                for solved, _, (x, y) in ends
                if solved in NAMED_SOLVE_RATES and has_room(pixels(x, y, x_range, y_range), taken)
            ],
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": "zoom",
            "margin": {"l": 54, "r": 16, "t": 12, "b": 44},
        },
    }


def axis_range(readings: Sequence[Reading]) -> Span:
    """From just below 0 to just past the last interval, so that a mark on an axis is not cut."""
    reach = [reading.rate + np.nan_to_num(reading.half_width) for reading in readings if not np.isnan(reading.rate)]
    top = min(max([*reach, 0.2]) * 1.08, 1.0) if reach else 1.0
    return round(-0.035 * top, 4), round(top + 0.02 * top, 4)


def axis(title: str, span: Span) -> Figure:
    return {
        "title": {"text": title, "font": {"size": 12, "color": token("ink-2")}, "standoff": 10},
        "range": list(span),
        "gridcolor": token("line"),
        "linecolor": token("line-strong"),
        "tickfont": {"size": 11, "color": token("ink-3")},
        "zeroline": False,
        "nticks": 8,
    }


def diagonals(x_range: Span, y_range: Span) -> list[tuple[float, tuple[float, float], tuple[float, float]]]:
    """Lines of equal solve rate within the plot: the rate, the upper left end and the lower right end."""
    found = []
    for tenths in range(10):
        failing = 1 - tenths / 10
        right, top = min(failing, x_range[1]), min(failing, y_range[1])
        if right > 0 and top > 0 and failing - right <= y_range[1]:
            upper = (round(failing - top, 4), round(top, 4))
            found.append((tenths / 10, upper, (round(right, 4), round(failing - right, 4))))
    return found


def iso_solve(upper: tuple[float, float], lower: tuple[float, float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [upper[0], lower[0]],
        "y": [upper[1], lower[1]],
        "line": {"color": token("line-strong"), "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }


def iso_name(solved: float, x: float, y: float, leaves_at_right: bool) -> Figure:
    return {
        "x": x,
        "y": y,
        "text": f"solved {solved:g}",
        "showarrow": False,
        "xanchor": "right",
        "yanchor": "bottom",
        "yshift": 1 if leaves_at_right else 4,
        "font": {"size": 10, "color": token("ink-3")},
        "bgcolor": token("card", 0.75),
        "borderpad": 1,
    }


def _ellipses(points: Sequence[FrontierPoint]) -> list[Figure]:
    """Paler where there are many, so that what lies on them can be read however many lie on each other."""
    strength = min(1.0, FULL_ELLIPSES / len(points)) if points else 1.0
    return [_ellipse(point, point.covariance, strength) for point in points if point.covariance is not None]


def _ellipse(point: FrontierPoint, covariance: np.ndarray, strength: float) -> Figure:
    outline = ellipse((point.optimisation.rate, point.correctness.rate), covariance, points=41)
    inside = strength * (0.05 if point.partial else 0.1)
    shade = token("ink-3", 0.08) if point.shade is None else ramp(point.shade, inside)
    edge = token("ink-3", 0.25) if point.shade is None else ramp(point.shade, strength * 0.35)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": outline[:, 0].round(4).tolist(),
        "y": outline[:, 1].round(4).tolist(),
        "fill": "toself",
        "fillcolor": shade,
        "line": {"color": edge, "width": 1, "dash": "dot" if point.partial else "solid"},
        "hoverinfo": "skip",
        "meta": {"ellipse": point.key},
    }


def _segment(left: FrontierPoint, right: FrontierPoint) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [round(left.optimisation.rate, 4), round(right.optimisation.rate, 4)],
        "y": [round(left.correctness.rate, 4), round(right.correctness.rate, 4)],
        "line": {
            "color": ramp(((left.shade or 0.0) + (right.shade or 0.0)) / 2),
            "width": 1.6,
            "dash": "dot" if left.partial or right.partial else "solid",
        },
        "hoverinfo": "skip",
    }


def _ring(point: FrontierPoint) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(point.optimisation.rate, 4)],
        "y": [round(point.correctness.rate, 4)],
        "marker": {
            "symbol": "circle-open",
            "size": 17,
            "color": point.colour,
            "line": {"width": 1.1},
            "opacity": 0.5 if point.partial else 1.0,
        },
        "hoverinfo": "skip",
    }


def _marks(points: Sequence[FrontierPoint], places: Sequence[str | None]) -> list[Figure]:
    """All marks in one trace, so that a click or a hover finds the point's key in `customdata`."""
    if not points:
        return []
    solid = [point.mark in ("trained", "initialisation", "mid") for point in points]
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [round(point.optimisation.rate, 4) for point in points],
            "y": [round(point.correctness.rate, 4) for point in points],
            "text": [_label(point, place) for point, place in zip(points, places, strict=True)],
            "textposition": [place or "top right" for place in places],
            "textfont": {"size": 11, "color": token("ink-2")},
            "marker": {
                "symbol": [SYMBOLS.get(point.mark, "circle") for point in points],
                "size": [12 if filled else 10 for filled in solid],
                "color": [
                    point.colour if filled else token("card") for point, filled in zip(points, solid, strict=True)
                ],
                "line": {"color": [point.colour for point in points], "width": 2.2},
                "opacity": [0.5 if point.partial else 1.0 for point in points],
            },
            "customdata": [point.key for point in points],
            "hovertext": [_hover(point) for point in points],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "cliponaxis": False,
            "meta": {"marks": True},
        }
    ]


def _label(point: FrontierPoint, place: str | None) -> str:
    if place is None:
        return ""
    return f"{SPACE}{point.label}" if "right" in place else f"{point.label}{SPACE}" if "left" in place else point.label


def _hover(point: FrontierPoint) -> str:
    lines = [
        f"<b>{point.label}</b>" + (" · still measuring" if point.partial else ""),
        f"solved {point.solved}",
        f"too slow {point.optimisation}",
        f"wrong {point.correctness}",
    ]
    if point.no_answer.rate > 0:
        lines.append(f"no program {point.no_answer}")
    return "<br>".join([*lines, f"n = {point.samples} ({point.problems} problems)"])


def _label_places(points: Sequence[FrontierPoint], x_range: Span, y_range: Span) -> tuple[list[str | None], list[Box]]:
    """Where each label stands, so that none covers a mark or another label, None where there is no room; and the boxes
    that are then taken.

    Filled marks choose first, then whole and half alphas, then the rest.
    """
    marks = [pixels(point.optimisation.rate, point.correctness.rate, x_range, y_range) for point in points]
    order = sorted(range(len(points)), key=lambda index: _label_rank(points[index]))
    return place_labels(marks, [point.label for point in points], order)


def place_labels(
    marks: Sequence[tuple[float, float]],
    labels: Sequence[str],
    order: Sequence[int],
    size: tuple[float, float] = (PLOT_WIDTH, PLOT_HEIGHT),
) -> tuple[list[str | None], list[Box]]:
    """Where the label of each mark (in pixels, upwards) stands, None where there is no room or `order`, which says who
    chooses first, does not name it; and the boxes that are then taken. `size` is the plot's."""
    taken = [(x - MARK_RADIUS, y - MARK_RADIUS, x + MARK_RADIUS, y + MARK_RADIUS) for x, y in marks]
    places: list[str | None] = [None] * len(marks)
    for index in order:
        own, width = taken[index], len(labels[index]) * LETTER_WIDTH
        for place, (right, up) in PLACES.items():
            box = _label_box(marks[index], width, right, up)
            inside = box[0] >= 0 and box[2] <= size[0] and box[1] >= 0 and box[3] <= size[1] + LABEL_HEIGHT
            if inside and not any(_overlap(box, other) for other in taken if other is not own):
                places[index] = place
                taken.append(box)
                break
    return places, taken


def pixels(
    x: float, y: float, x_range: Span, y_range: Span, size: tuple[float, float] = (PLOT_WIDTH, PLOT_HEIGHT)
) -> tuple[float, float]:
    return (
        (x - x_range[0]) / (x_range[1] - x_range[0]) * size[0],
        (y - y_range[0]) / (y_range[1] - y_range[0]) * size[1],
    )


def has_room(corner: tuple[float, float], taken: Sequence[Box]) -> bool:
    """Whether the name of a diagonal, whose lower right corner this is, covers nothing."""
    box = (corner[0] - 9 * LETTER_WIDTH, corner[1], corner[0], corner[1] + LABEL_HEIGHT + 4)
    return box[0] >= 0 and not any(_overlap(box, other) for other in taken)


def _label_rank(point: FrontierPoint) -> tuple[int, float]:
    if point.mark == "trained" or point.alpha is None:
        return 0, 0.0
    return (1 if (point.alpha * 2).is_integer() else 2), point.alpha


def _label_box(mark: tuple[float, float], width: float, right: int, up: int) -> Box:
    x = mark[0] + right * (MARK_RADIUS + width / 2)
    y = mark[1] + up * (MARK_RADIUS + LABEL_HEIGHT / 2)
    return x - width / 2, y - LABEL_HEIGHT / 2, x + width / 2, y + LABEL_HEIGHT / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
