"""Where answers begin to fail, and what becomes of slow-growing and fast-growing programs along alpha.

One line a checkpoint, in its colour on the scale of coverage; triangles are limits, crosses wrong answers, discs
solved. Numbers come in, Plotly dicts go out (colours: `frontier_app.figures.colours`), each with the `table` behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frontier_app.figures.colours import ramp, token
from frontier_app.figures.frontier import Reading
from frontier_app.figures.growth import SHORTEST_MILLISECONDS, growth_figure
from frontier_app.figures.growth import SYMBOLS as LETTER_SYMBOLS

Figure = dict[str, object]
# More lines with bars of error are a thicket; their widths stand in the hover text and in the table.
MOST_WITH_BARS = 4
BYTES = (("MiB", 1 << 20), ("KiB", 1 << 10))
GROUPS = (
    ("slow_growing", "slow-growing", "solved"),
    ("fast_growing", "fast-growing", "slow"),
    ("undecided", "undecided", "ink-3"),
    ("nothing", "no program", "none"),
)
SYMBOLS = {
    "slow_growing": "circle",
    "fast_growing": "triangle-up",
    "undecided": "diamond-open",
    "nothing": "circle-open",
}

KIND_COLOURS = {"flat": "solved", "slow_growing": "solved", "fast_growing": "slow", "undecided": "ink-3"}
CURVE_POINTS = 64
# In CPU limits: a fitted curve is not drawn far beyond what could be measured.
HIGHEST_CURVE = 3.0


@dataclass(frozen=True)
class LevelLine:
    """One checkpoint: the shares of its answers that begin to fail at each level, by a limit and by a wrong result."""

    label: str
    alpha: float | None
    slow: Sequence[Reading]
    wrong: Sequence[Reading]
    no_answer: Reading
    solved: Reading
    n: int


@dataclass(frozen=True)
class StrategyPoint:
    """One checkpoint: the share of its answers in each group of growth, and each group's solve rate and rate of right
    results (no wrong answer anywhere, however slow). `n` counts answers, `distinct` fitted programs."""

    label: str
    alpha: float | None
    share: dict[str, Reading]
    solved: dict[str, Reading]
    right: dict[str, Reading]
    counts: dict[str, int]
    n: int


@dataclass(frozen=True)
class ProgramGrowth:
    """One program of a problem: median CPU milliseconds on each test (nan where it did not run) and its fitted growth,
    start_milliseconds + factor * bytes^exponent, nan where nothing could be fitted."""

    name: str
    samples: int
    letters: str
    kind: str
    sizes: Sequence[int]
    milliseconds: Sequence[float]
    exponent: float
    low: float
    high: float
    start_milliseconds: float
    factor: float

    @property
    def words(self) -> str:
        if self.kind == "flat":
            return "flat"
        if not np.isfinite(self.exponent):
            return "too few sizes to fit"
        return f"size^{self.exponent:.2g} ({self.low:.2g} to {self.high:.2g}), {self.kind.replace('_', '-')}"


def levels_figure(lines: Sequence[LevelLine], sizes: Sequence[int]) -> Figure:
    """Two panels over the levels: begins to be too slow, begins to be wrong."""
    levels = list(range(1, max((len(line.slow) for line in lines), default=len(sizes)) + 1))
    ticks = [f"{level}<br>{_bytes(sizes[level - 1])}" if level <= len(sizes) else str(level) for level in levels]
    bars = len(lines) <= MOST_WITH_BARS
    data = [
        _level_line(line, readings, symbol, axis, levels, bars)
        for line in lines
        for readings, symbol, axis in ((line.slow, "triangle-up", ""), (line.wrong, "x", "2"))
    ]
    top = max((reading.rate for line in lines for reading in (*line.slow, *line.wrong) if reading.rate == reading.rate),
              default=0.1)  # fmt: skip
    across = {"tickvals": levels, "ticktext": ticks, "range": [0.7, len(levels) + 0.3], **_AXIS}
    up = {"range": [-0.02 * top, 1.12 * top + 0.01], "tickformat": ".0%", **_AXIS}
    return {
        "data": data,
        "layout": {
            "xaxis": {**across, "domain": [0, 0.48], "title": _title("level of the first failing test, median input")},
            "xaxis2": {**across, "domain": [0.52, 1], "title": _title("level of the first failing test, median input")},
            "yaxis": {**up, "title": _title("share of answers")},
            "yaxis2": {**up, "anchor": "x2", "showticklabels": False},
            "annotations": [_heading("too slow or too large", 0), _heading("wrong or crashed", 0.52)],
            "showlegend": len(lines) > 1,
            "legend": {"font": {"size": 11, "color": token("ink-2")}, "x": 1.02, "y": 1, "tracegroupgap": 0},
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 52, "r": 10, "t": 24, "b": 54},
        },
        "table": [
            ["checkpoint", "alpha", "level", "median input bytes", "begins too slow", "±", "begins wrong", "±", "n"],
            *(
                [line.label, line.alpha, level, sizes[level - 1] if level <= len(sizes) else None,
                 *_numbers(line.slow[level - 1]), *_numbers(line.wrong[level - 1]), line.n]
                for line in lines
                for level in levels
            ),
        ],
    }  # fmt: skip


def _level_line(
    line: LevelLine, readings: Sequence[Reading], symbol: str, axis: str, levels: Sequence[int], bars: bool
) -> Figure:
    colour = token("ink-3") if line.alpha is None else ramp(line.alpha)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": line.label,
        "legendgroup": line.label,
        "showlegend": axis == "",
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "x": list(levels),
        "y": [_finite(reading.rate) for reading in readings],
        "error_y": _bars(readings, colour) | {"visible": bars},
        "line": {"color": colour, "width": 1.5, **({"dash": "dot"} if line.alpha is None else {})},
        "marker": {"color": colour, "size": 7, "symbol": symbol},
        "text": [str(reading) for reading in readings],
        "hovertemplate": f"{line.label}<br>level %{{x}}: %{{text}} (n = {line.n})<extra></extra>",
    }


def strategy_figure(points: Sequence[StrategyPoint], threshold: float) -> Figure:
    """Two panels over alpha: how programs grow (shares), and how often the growing kinds are solved."""
    along = [point for point in points if point.alpha is not None]
    alphas = [point.alpha for point in along]
    ends = [min(alphas, default=0.0) - 0.1, max(alphas, default=1.0) + 0.1]  # type: ignore[type-var, operator]
    across = {"range": ends, "title": _title("a"), **_AXIS}
    up = {"range": [-0.03, 1.05], "tickformat": ".0%", **_AXIS}
    shares = [_strategy_line(along, name, words, colour, "share", "") for name, words, colour in GROUPS]
    rates = [_strategy_line(along, name, words, colour, "solved", "2") for name, words, colour in GROUPS[:2]]
    return {
        "data": [*shares, *rates],
        "layout": {
            "xaxis": {**across, "domain": [0, 0.48]},
            "xaxis2": {**across, "domain": [0.52, 1]},
            "yaxis": {**up, "title": _title("share")},
            "yaxis2": {**up, "anchor": "x2", "showticklabels": False},
            "annotations": [
                _heading(f"strategy: share of answers, growth below or above size^{threshold:g}", 0),
                _heading("competence: solve rate within the group", 0.52),
            ],
            "legend": {"font": {"size": 11, "color": token("ink-2")}, "x": 1.02, "y": 1, "tracegroupgap": 2},
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 52, "r": 10, "t": 24, "b": 42},
        },
        "table": [
            ["checkpoint", "alpha", "growth", "answers", "share", "±", "solved", "±", "no wrong result", "±", "n"],
            *(
                [point.label, point.alpha, words, point.counts[name], *_numbers(point.share[name]),
                 *_numbers(point.solved.get(name)), *_numbers(point.right.get(name)), point.n]
                for point in points
                for name, words, _ in GROUPS
            ),
        ],
    }  # fmt: skip


def _strategy_line(
    points: Sequence[StrategyPoint], name: str, words: str, colour: str, value: str, axis: str
) -> Figure:
    readings = [getattr(point, value)[name] for point in points]
    counts = [point.n if value == "share" else point.counts[name] for point in points]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": words,
        "legendgroup": name,
        "showlegend": axis == "",
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "x": [point.alpha for point in points],
        "y": [_finite(reading.rate) for reading in readings],
        "error_y": _bars(readings, token(colour)),
        "line": {"color": token(colour), "width": 1.5},
        "marker": {"color": token(colour), "size": 8, "symbol": SYMBOLS[name]},
        "text": [f"{reading} (n = {count})" for reading, count in zip(readings, counts, strict=True)],
        "hovertemplate": f"a = %{{x}}, {words}: %{{text}}<extra></extra>",
    }


def programs_figure(programs: Sequence[ProgramGrowth], limit_seconds: float) -> Figure:
    """CPU time against input size of the distinct programs of one problem: marks as run, lines as fitted."""
    figure = growth_figure([], limit_seconds)
    layout = dict(figure["layout"]) | {"showlegend": True}  # type: ignore[call-overload]
    data = [trace for program in programs for trace in _program(program, HIGHEST_CURVE * 1000 * limit_seconds)]
    rows = [
        [program.name, program.samples, program.words, size, _finite(time), letter]
        for program in programs
        for size, time, letter in zip(program.sizes, program.milliseconds, program.letters, strict=False)
    ]
    table = [["program", "samples", "growth", "input bytes", "CPU ms", "verdict"], *rows]
    return {"data": data, "layout": layout, "table": table}


def _program(program: ProgramGrowth, highest: float) -> list[Figure]:
    colour = token(KIND_COLOURS[program.kind])
    ran = [
        (max(size, 1), max(time, SHORTEST_MILLISECONDS), letter)
        for size, time, letter in zip(program.sizes, program.milliseconds, program.letters, strict=False)
        if np.isfinite(time)
    ]
    marks: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": f"{program.name} × {program.samples}: {program.words}",
        "legendgroup": program.name,
        "x": [size for size, _, _ in ran],
        "y": [round(time, 2) for _, time, _ in ran],
        "marker": {"color": colour, "size": 7, "symbol": [LETTER_SYMBOLS.get(letter, "x") for _, _, letter in ran]},
        "text": [letter for _, _, letter in ran],
        "hovertemplate": f"{program.name}<br>%{{x}} bytes, %{{y}} ms, %{{text}}<extra></extra>",
    }
    if not ran or not np.isfinite(program.exponent):
        return [marks]
    at = np.geomspace(min(size for size, _, _ in ran), max(size for size, _, _ in ran), CURVE_POINTS)
    fitted = program.start_milliseconds + program.factor * at**program.exponent
    at, fitted = at[fitted <= highest], fitted[fitted <= highest]
    line: Figure = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": program.name,
        "showlegend": False,
        "x": [round(float(one), 1) for one in at],
        "y": [round(float(one), 3) for one in np.maximum(fitted, SHORTEST_MILLISECONDS)],
        "line": {"color": colour, "width": 1.2},
        "hoverinfo": "skip",
    }
    return [line, marks]


_AXIS: Figure = {"gridcolor": token("line"), "tickfont": {"size": 11, "color": token("ink-3")}, "zeroline": False}


def _title(text: str) -> Figure:
    return {"text": text, "font": {"size": 12, "color": token("ink-2")}, "standoff": 8}


def _heading(text: str, x: float) -> Figure:
    return {
        "xref": "paper", "x": x, "yref": "paper", "y": 1, "text": text, "showarrow": False, "xanchor": "left",
        "yanchor": "bottom", "font": {"size": 11.5, "color": token("ink-2")},
    }  # fmt: skip


def _bars(readings: Sequence[Reading], colour: str) -> Figure:
    widths = [_finite(reading.half_width) or 0.0 for reading in readings]
    return {"type": "data", "array": widths, "color": colour, "thickness": 1, "width": 3}


def _finite(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def _numbers(reading: Reading | None) -> list[float | None]:
    return [None, None] if reading is None else [_finite(reading.rate), _finite(reading.half_width)]


def _bytes(size: int) -> str:
    for unit, factor in BYTES:
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
