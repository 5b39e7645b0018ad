"""Any checkpoints on any two axes, or in the triangle of solved, wrong and too slow; one panel a figure.

Trained checkpoints are filled, merges open, extrapolated ones ringed; the initialisation is a square, a checkpoint on
no path a diamond. A stroke through a mark says that another point is better on both axes beyond noise. Paths are joined
in order of alpha by straight lines: solid between measured neighbours, dashed where the line says more than was
measured. A mark whose evaluation still runs is pale. Ellipses are those of the scale that is drawn, so on a logarithmic
axis they hold the logarithms.

Numbers come in, a Plotly dict goes out; colours are names (see `frontier_app.figures.colours`).
"""

from collections.abc import Sequence

import numpy as np

from frontier_app.figures.colours import token
from frontier_app.figures.exploration_traces import (
    AxisOf,
    Line,
    Spot,
    alphas_of_gaps,
    ellipses,
    halos,
    marks,
    rings,
    steps,
    strokes,
    ternary_ellipses,
)
from frontier_app.figures.frontier import (
    NAMED_SOLVE_RATES,
    Figure,
    Reading,
    Span,
    axis,
    axis_range,
    diagonals,
    has_room,
    iso_name,
    iso_solve,
    pixels,
    place_labels,
)

# A lone panel and one of several, for keeping labels apart.
LARGE, SMALL = (700.0, 330.0), (300.0, 200.0)
LARGE_TRIANGLE, SMALL_TRIANGLE = (440.0, 380.0), (220.0, 190.0)
# Labels of more marks than this would cover the plot, and in the triangle of more than that.
MOST_LABELS, MOST_TERNARY_LABELS = 40, 12


def spans(spots: Sequence[Spot], x: AxisOf, y: AxisOf) -> tuple[Span, Span]:
    """The ranges that all panels share, as scaled."""
    return _span([spot.x for spot in spots], x), _span([spot.y for spot in spots], y)


def exploration_figure(
    spots: Sequence[Spot], lines: Sequence[Line], axes: tuple[AxisOf, AxisOf], ranges: tuple[Span, Span], small: bool
) -> Figure:
    """One panel on two axes. Spots that an axis cannot show must have been left out."""
    (x, y), (x_range, y_range), size = axes, ranges, SMALL if small else LARGE
    pixel = [pixels(x.scaled(spot.x.rate), y.scaled(spot.y.rate), x_range, y_range, size) for spot in spots]
    places, taken = place_labels(pixel, [spot.label for spot in spots], _order(spots), size)
    iso = diagonals(x_range, y_range) if x.from_zero and y.from_zero and not x.log and not y.log else []

    def place(spot: Spot) -> tuple[float, float]:
        return spot.x.rate, spot.y.rate

    traces = [
        *(iso_solve(*end) for _, *end in iso),
        *ellipses(spots, axes),
        *steps(spots, lines, place),
        *alphas_of_gaps(spots, lines, axes),
        *rings(spots, place),
        *strokes(spots, place),
        *marks(spots, places, place),
    ]
    return {
        "data": traces,
        "layout": _layout(small)
        | {
            "xaxis": _axis(x, x_range, small),
            "yaxis": _axis(y, y_range, small),
            "annotations": [
                iso_name(solved, right, up, right == x_range[1])
                for solved, _, (right, up) in iso
                if not small
                and solved in NAMED_SOLVE_RATES
                and has_room(pixels(right, up, x_range, y_range, size), taken)
            ],
        },
    }


def ternary_figure(spots: Sequence[Spot], lines: Sequence[Line], small: bool) -> Figure:
    """One panel as a triangle: solved at the top, wrong at the left, too slow at the right.

    It holds shares of the answers with a program; the share of those without one is the halo around a mark.
    """

    def place(spot: Spot) -> tuple[float, float]:
        return spot.shares[1], spot.shares[2]

    traces = [
        *ternary_ellipses(spots),
        *steps(spots, lines, place),
        *halos(spots),
        *rings(spots, place),
        *strokes(spots, place),
        *marks(spots, _ternary_places(spots, small), place),
    ]
    corner = {"gridcolor": token("line"), "linecolor": token("line-strong"), "min": 0, "ticks": "", "nticks": 6}
    font = {"size": 11, "color": token("ink-3")}
    return {
        "data": [_in_triangle(trace) for trace in traces],
        "layout": _layout(small)
        | {
            "ternary": {
                "sum": 1,
                "bgcolor": token("card"),
                **{
                    name: corner
                    | {"title": {"text": words, "font": font | {"color": token("ink-2")}}, "tickfont": font}
                    for name, words in (("aaxis", "solved"), ("baxis", "wrong"), ("caxis", "too slow"))
                },
            },
            "margin": {"l": 44, "r": 44, "t": 36, "b": 40},
        },
    }


def _ternary_places(spots: Sequence[Spot], small: bool) -> list[str | None]:
    size = SMALL_TRIANGLE if small else LARGE_TRIANGLE
    pixel = [((slow + solved / 2) * size[0], solved * size[1]) for solved, _, slow in (spot.shares for spot in spots)]
    return place_labels(pixel, [spot.label for spot in spots], _order(spots)[:MOST_TERNARY_LABELS], size)[0]


def _layout(small: bool) -> Figure:
    return {
        "showlegend": False,
        "hovermode": "closest",
        "hoverdistance": 14,
        "margin": {"l": 44, "r": 8, "t": 8, "b": 40} if small else {"l": 54, "r": 16, "t": 12, "b": 44},
    }


def _span(readings: Sequence[Reading], shown: AxisOf) -> Span:
    known = [reading for reading in readings if np.isfinite(shown.scaled(reading.rate))]
    if shown.from_zero and not shown.log:
        return axis_range(known)
    if not known:
        return (-2.0, 0.0) if shown.log else (0.0, 1.0)
    ends = [
        shown.scaled(value)
        for reading in known
        for value in (
            reading.rate,
            reading.rate - np.nan_to_num(reading.half_width),
            reading.rate + np.nan_to_num(reading.half_width),
        )
    ]
    finite = [end for end in ends if np.isfinite(end)]
    low, high = min(finite), max(finite)
    room = 0.06 * (high - low) or 0.06 * max(abs(high), 0.5)
    return round(low - room, 5), round(high + room, 5)


def _axis(shown: AxisOf, span: Span, small: bool) -> Figure:
    title = shown.title.partition("  ")[0].partition(",")[0] if small else shown.title
    made = axis(title, span) | {"nticks": 5 if small else 8}
    if shown.log:
        values = log_ticks(span, 4 if small else 8)
        made |= {"type": "log", "tickvals": values, "ticktext": [f"{value:g}" for value in values]}
    return made


def log_ticks(span: Span, most: int) -> list[float]:
    """Round values between 10**span[0] and 10**span[1], at most about `most`: powers of ten over decades, then twos and
    fives between them, and within a decade even steps."""
    low, high = 10 ** span[0], 10 ** span[1]
    for digits in ((1, 2, 5), (1, 3), (1,)):
        powers = range(int(np.floor(span[0])), int(np.ceil(span[1])) + 1)
        values = [float(f"{digit}e{power}") for power in powers for digit in digits]
        values = [value for value in values if low <= value <= high]
        if 3 <= len(values) <= most:
            return values
    if span[1] - span[0] > 1:
        decades = range(int(np.ceil(span[0])), int(np.floor(span[1])) + 1)
        return [float(f"1e{power}") for power in decades][:: max(1, round(len(decades) / most))]
    rough = (high - low) / most
    unit = 10 ** np.floor(np.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return [float(f"{number * step:.10g}") for number in range(int(np.ceil(low / step)), int(high / step) + 1)]


def _order(spots: Sequence[Spot]) -> list[int]:
    """Which marks choose a place for their label first; of a crowd, only those that matter most have one."""
    rank = {"trained": 0, "initialisation": 0, "extrapolated": 1, "mid": 2, "merged": 3}
    return sorted(range(len(spots)), key=lambda index: rank[spots[index].mark])[:MOST_LABELS]


def _in_triangle(trace: Figure) -> Figure:
    """A trace of (correctness, optimisation) in the coordinates of the triangle."""
    wrong, slow = trace.pop("x"), trace.pop("y")
    assert isinstance(wrong, list)
    assert isinstance(slow, list)
    solved = [None if b is None else round(1 - b - c, 5) for b, c in zip(wrong, slow, strict=True)]
    return trace | {"type": "scatterternary", "a": solved, "b": wrong, "c": slow}
