"""What an audit found of a problem set, in three figures: slow programs caught by level, the reference's time against
the limit, and the spread of input sizes.

Where problems are many they stand side by side in the order of what is shown, so that the figure reads as a
distribution. Shapes tell what colours tell. Each figure carries the `table` behind it, which the page saves as CSV.
Numbers come in, a Plotly dict goes out (colours: `frontier_app.figures.colours`).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from frontier_app.figures.axes import lined_axis
from frontier_app.figures.colours import ramp, token

Figure = dict[str, object]
TIGHT_SHARE = 0.5
# The least share of the limit that is drawn: below it the clock says more about starting than about the program.
LEAST_SHARE = 1e-4
# So many problems have room for a mark each that can be told apart; with more, marks get smaller.
ROOMY = 60
BYTES = ["1 B", "10 B", "100 B", "1 kB", "10 kB", "100 kB", "1 MB", "10 MB", "100 MB", "1 GB"]


class CaughtShare(NamedTuple):
    """The share of `n` slow but correct programs that the first `level` of `levels` levels stop. `half_width` of the
    95 % interval is None where one problem alone has such programs."""

    level: int
    levels: int
    share: float
    half_width: float | None
    n: int

    @property
    def coverage(self) -> float:
        return self.level / self.levels


class ProblemFigures(NamedTuple):
    """One audited problem. `largest_bytes`: the largest input among the first 1, 2, ... levels."""

    slug: str
    limit_seconds: float
    reference_seconds: float | None
    largest_bytes: Sequence[int]
    size_ratio: float

    @property
    def share(self) -> float | None:
        return None if self.reference_seconds is None else self.reference_seconds / self.limit_seconds

    @property
    def smallest_bytes(self) -> int:
        return max(1, round(self.largest_bytes[-1] / max(self.size_ratio, 1)))


def caught_figure(shares: Sequence[CaughtShare], problems: int) -> Figure:
    """Share of slow but correct programs stopped, against the share of tests. `problems` have such programs."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers+text",
                "x": [round(one.coverage, 4) for one in shares],
                "y": [round(one.share, 4) for one in shares],
                "text": [f"{one.share:.2f}" for one in shares],
                "textposition": "top left",
                "textfont": {"size": 11, "color": token("ink-2")},
                "line": {"color": token("line-strong"), "width": 1.4},
                "marker": {"color": [ramp(one.coverage) for one in shares], "size": 11},
                "error_y": {
                    "type": "data",
                    "array": [round(one.half_width or 0.0, 4) for one in shares],
                    "color": token("ink-3"),
                    "thickness": 1.1,
                    "width": 3,
                },
                "cliponaxis": False,
                "hovertext": [_caught_words(one) for one in shares],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": lined_axis("coverage: share of the tests") | {"range": [0, 1.08], "nticks": 6},
            "yaxis": lined_axis("") | {"range": [-0.04, 1.16], "tickvals": [0, 0.25, 0.5, 0.75, 1]},
            "annotations": [] if shares else [_nothing("no slow but correct program is known")],
            **_FRAME,
        },
        "table": [
            ["level", "coverage", "slow_programs_caught_share", "half_width_95", "slow_programs", "problems"],
            *([one.level, one.coverage, one.share, one.half_width, one.n, problems] for one in shares),
        ],
    }


def _caught_words(one: CaughtShare) -> str:
    doubt = "" if one.half_width is None else f" ± {one.half_width:.3f}"
    return f"<b>level {one.level} of {one.levels}</b><br>stops {one.share:.3f}{doubt} (n = {one.n} slow programs)"


def reference_figure(problems: Sequence[ProblemFigures]) -> Figure:
    """The slowest accepted program's worst test as a share of the limit, on a logarithmic axis with the limit at 1."""
    known = [one for one in problems if one.share is not None]
    ordered = sorted(known, key=lambda one: (one.share or 0.0, one.slug))
    shares = [max(one.share or 0.0, LEAST_SHARE) for one in ordered]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": list(range(1, len(ordered) + 1)),
                "y": [float(f"{share:.4g}") for share in shares],
                "marker": {
                    "size": _mark_size(len(ordered)),
                    "symbol": [_time_symbol(share) for share in shares],
                    "color": [_time_colour(share) for share in shares],
                },
                "customdata": [one.slug for one in ordered],
                "hovertext": [_time_words(one) for one in ordered],
                "hovertemplate": "%{hovertext}<extra></extra>",
                "cliponaxis": False,
            }
        ],
        "layout": {
            "xaxis": lined_axis("problems, least to most") | _places(len(ordered)),
            "yaxis": lined_axis("") | _share_axis(shares),
            "shapes": [_line(1.0, token("slow"), "dash"), _line(TIGHT_SHARE, token("line-strong"), "dot")],
            "annotations": [_line_name("limit", 1.0)] if ordered else [_nothing("no accepted program is known")],
            **_FRAME,
        },
        "table": [
            ["problem", "reference_seconds", "limit_seconds", "share"],
            *([one.slug, one.reference_seconds, one.limit_seconds, one.share] for one in ordered),
        ],
    }


def _time_symbol(share: float) -> str:
    return "x" if share > 1 else "triangle-up" if share > TIGHT_SHARE else "circle"


def _time_colour(share: float) -> str:
    return token("wrong") if share > 1 else token("slow") if share > TIGHT_SHARE else token("solved")


def _time_words(one: ProblemFigures) -> str:
    return (
        f"<b>{one.slug}</b><br>{one.reference_seconds:.4g} s of {one.limit_seconds:g} s, {one.share:.1%} of the limit"
    )


def _share_axis(shares: Sequence[float]) -> Figure:
    """Whole powers of ten, from below the least share to past the limit."""
    least = min([*shares, 0.1])
    low = next(power for power in range(-1, -6, -1) if 10**power <= least * 1.0001 or power == -5)
    powers = range(low, 1)
    return {
        "type": "log",
        "range": [low - 0.1, 0.45],
        "tickvals": [10**power for power in powers],
        "ticktext": [f"{10**power:g}" for power in powers],
    }


def sizes_figure(problems: Sequence[ProblemFigures]) -> Figure:
    """From each problem's smallest input to its largest, with a mark at the largest of each level."""
    ordered = sorted(problems, key=lambda one: (one.size_ratio, one.slug))
    levels = max((len(one.largest_bytes) for one in ordered), default=0)
    places = range(1, len(ordered) + 1)
    spans_x: list[int | None] = []
    spans_y: list[int | None] = []
    for place, one in zip(places, ordered, strict=True):
        spans_x += [place, place, None]
        spans_y += [one.smallest_bytes, max(one.largest_bytes[-1], 1), None]
    between = "circle-open" if len(ordered) <= ROOMY else "line-ew-open"
    marks = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [place for place, one in zip(places, ordered, strict=True) if level < len(one.largest_bytes)],
            "y": [max(one.largest_bytes[level], 1) for one in ordered if level < len(one.largest_bytes)],
            "marker": {
                "size": _mark_size(len(ordered)),
                "symbol": "circle" if level == levels - 1 else between,
                "color": ramp((level + 1) / levels),
                "line": {"width": 1.4, "color": ramp((level + 1) / levels)},
            },
            "customdata": [one.slug for one in ordered if level < len(one.largest_bytes)],
            "hovertext": [_size_words(one, level) for one in ordered if level < len(one.largest_bytes)],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "cliponaxis": False,
        }
        for level in range(levels)
    ]
    span = {
        "type": "scatter",
        "mode": "lines",
        "x": spans_x,
        "y": spans_y,
        "line": {"color": token("line-strong"), "width": 1.2 if len(ordered) <= ROOMY else 0.4},
        "hoverinfo": "skip",
    }
    return {
        "data": [span, *marks],
        "layout": {
            "xaxis": lined_axis("problems, least to most spread") | _places(len(ordered)),
            "yaxis": lined_axis("")
            | {"type": "log", "tickvals": [10**power for power in range(10)], "ticktext": BYTES},
            "annotations": [] if ordered else [_nothing("no problem is audited")],
            **_FRAME,
        },
        "table": [
            ["problem", "size_ratio", *(f"largest_bytes_to_level_{level + 1}" for level in range(levels))],
            *([one.slug, one.size_ratio, *one.largest_bytes] for one in ordered),
        ],
    }


def _size_words(one: ProblemFigures, level: int) -> str:
    upto = f"largest input to level {level + 1}: {one.largest_bytes[level]:,} B".replace(",", "\u202f")
    return f"<b>{one.slug}</b><br>{upto}<br>{one.size_ratio:g} times the smallest at the end"


_FRAME: Figure = {
    "showlegend": False,
    "hovermode": "closest",
    "dragmode": False,
    "margin": {"l": 46, "r": 12, "t": 12, "b": 40},
}


def _places(count: int) -> Figure:
    """An axis of problems side by side: their number matters, not their places."""
    return {"range": [0.3, max(count, 1) + 0.7], "showgrid": False, "tickvals": sorted({1, max(count, 1)})}


def _mark_size(count: int) -> int:
    return 8 if count <= ROOMY else 5 if count <= 5 * ROOMY else 4


def _line(height: float, colour: str, dash: str) -> Figure:
    where = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "layer": "below"}
    return {**where, "line": {"color": colour, "width": 1.2, "dash": dash}}


def _line_name(text: str, height: float) -> Figure:
    return {
        "xref": "paper",
        "x": 0,
        "y": math.log10(height),
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 11, "color": token("slow-text")},
    }


def _nothing(text: str) -> Figure:
    return {
        "xref": "paper",
        "x": 0.5,
        "yref": "paper",
        "y": 0.5,
        "text": text,
        "showarrow": False,
        "font": {"size": 12, "color": token("ink-3")},
        "bgcolor": token("card"),
        "borderpad": 4,
    }
