"""Which problems members solve together: the matrix of overlaps, and an UpSet plot of the sets of problems they solve.

UpSet (Lex et al. 2014): one bar for each set of members that has problems solved by exactly these, largest first; the
dots below a bar say which. Problems that no member solves stand in a bar of their own, pale. Numbers come in, a Plotly
dict goes out; colours are names (see `frontier_app.figures.colours`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from frontier_app.figures.colours import token
from frontier_app.figures.ensembles import Figure, plain

# More bars than these cannot be told apart; the rest is counted in a note.
MOST_BARS = 24
# The share of the height that the bars take; the dots have the rest.
BARS_SHARE = 0.56
LONGEST_NAME = 22
# The strongest ground that ink is still read on, in either theme.
STRONGEST = 0.42


class Overlap(NamedTuple):
    """The Jaccard index of two members, nan where undefined."""

    first: int
    second: int
    jaccard: float


class SolvedSet(NamedTuple):
    """A member and how many problems it solves, None where that is undefined."""

    name: str
    size: int | None


def overlap_figure(overlaps: Sequence[Overlap], names: Sequence[str]) -> Figure:
    """A square a pair: the darker, the more of what either solves both solve. An em dash where it is undefined."""
    cells = [(one.first, one.second, one.jaccard) for one in overlaps]
    cells += [(second, first, jaccard) for first, second, jaccard in cells]
    places = list(range(len(names)))
    ticks = {
        "tickvals": places,
        "ticktext": [_short(name) for name in names],
        "tickfont": {"size": 11, "color": token("ink-2")},
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "text",
                "x": [second for _, second, _ in cells],
                "y": [first for first, _, _ in cells],
                "text": [_written(jaccard) for _, _, jaccard in cells],
                "textfont": {"size": 12 if len(names) < 7 else 10, "color": token("ink")},
                "hovertext": [f"{plain(names[a])} and {plain(names[b])}: {_written(j)}" for a, b, j in cells],
                "hovertemplate": "%{hovertext}<extra></extra>",
                "customdata": [[a, b] for a, b, _ in cells],
                "meta": {"overlaps": True},
            }
        ],
        "layout": {
            "xaxis": ticks | {"range": [-0.5, len(names) - 0.5], "side": "bottom", "tickangle": _angle(names)},
            "yaxis": ticks | {"range": [len(names) - 0.5, -0.5], "automargin": True},
            "shapes": [*(_square(a, b, j) for a, b, j in cells), *(_diagonal(one) for one in places)],
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 20, "r": 8, "t": 8, "b": 24 if not _angle(names) else 96},
        },
        "table": [
            ["first", "second", "jaccard"],
            *([names[a], names[b], None if np.isnan(j) else round(j, 5)] for a, b, j in overlaps),
        ],
    }


def upset_figure(sets: Sequence[SolvedSet], intersections: Sequence[tuple[tuple[int, ...], int]]) -> Figure:
    """The UpSet plot of members (rows, in their order) and of intersections (members, problems), largest first."""
    shown = list(intersections[:MOST_BARS])
    bars = list(range(len(shown)))
    hidden = intersections[MOST_BARS:]
    return {
        "data": [
            {
                "type": "bar",
                "x": bars,
                "y": [count for _, count in shown],
                "text": [str(count) for _, count in shown],
                "textposition": "outside",
                "textfont": {"size": 11, "color": token("ink-2")},
                "cliponaxis": False,
                "marker": {"color": [token("ink-2") if members else token("none") for members, _ in shown]},
                "hovertext": [f"{_who(sets, members)}: {_problems(count)}" for members, count in shown],
                "hovertemplate": "%{hovertext}<extra></extra>",
                "customdata": bars,
                "width": 0.62,
                "meta": {"bars": True},
            },
            _dots(sets, bars, token("line"), 9),
            *(_joined(members, bar) for bar, (members, _) in enumerate(shown) if len(members) > 1),
            _taken(shown),
        ],
        "layout": {
            "xaxis": {
                "range": [-0.6, max(len(shown), 6) - 0.4],
                "showticklabels": False,
                "showgrid": False,
                "zeroline": False,
                "fixedrange": True,
                "anchor": "y2",
            },
            "yaxis": {
                "domain": [1 - BARS_SHARE, 1],
                "range": [0, max([count for _, count in shown], default=1) * 1.15],
                "title": {"text": "problems", "font": {"size": 12, "color": token("ink-2")}, "standoff": 6},
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "zeroline": False,
                "nticks": 4,
                "fixedrange": True,
                "automargin": True,
            },
            "yaxis2": {
                "domain": [0, 1 - BARS_SHARE - 0.04],
                "range": [len(sets) - 0.4, -0.6],
                "tickvals": list(range(len(sets))),
                "ticktext": [f"{_short(one.name)}  {_size(one)}" for one in sets],
                "tickfont": {"size": 11, "color": token("ink-2")},
                "showgrid": False,
                "zeroline": False,
                "fixedrange": True,
                "automargin": True,
            },
            "annotations": _notes(shown, hidden),
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "margin": {"l": 30, "r": 8, "t": 14, "b": 8},
        },
        "table": [
            [*(one.name for one in sets), "problems"],
            *([*(int(row in members) for row in range(len(sets))), count] for members, count in intersections),
        ],
    }


def _square(row: int, column: int, jaccard: float) -> Figure:
    strength = 0.0 if np.isnan(jaccard) else STRONGEST * jaccard
    return {
        "type": "rect",
        "layer": "below",
        "x0": column - 0.46,
        "x1": column + 0.46,
        "y0": row - 0.46,
        "y1": row + 0.46,
        "line": {"width": 1 if np.isnan(jaccard) else 0, "color": token("line")},
        "fillcolor": token("accent", round(0.04 + strength, 3)),
    }


def _diagonal(place: int) -> Figure:
    """A member with itself says nothing."""
    return {
        "type": "line",
        "layer": "below",
        "x0": place - 0.2,
        "x1": place + 0.2,
        "y0": place - 0.2,
        "y1": place + 0.2,
        "line": {"color": token("line-strong"), "width": 1},
    }


def _dots(sets: Sequence[SolvedSet], bars: Sequence[int], colour: str, size: int) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "x": [bar for bar in bars for _ in sets],
        "y": [row for _ in bars for row in range(len(sets))],
        "marker": {"size": size, "color": colour},
        "hoverinfo": "skip",
    }


def _taken(shown: Sequence[tuple[tuple[int, ...], int]]) -> Figure:
    places = [(bar, row) for bar, (members, _) in enumerate(shown) for row in members]
    return {
        "type": "scatter",
        "mode": "markers",
        "yaxis": "y2",
        "x": [bar for bar, _ in places],
        "y": [row for _, row in places],
        "marker": {"size": 10, "color": token("ink")},
        "customdata": [bar for bar, _ in places],
        "hoverinfo": "skip",
        "meta": {"members": True},
    }


def _joined(members: Sequence[int], bar: int) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "yaxis": "y2",
        "x": [bar, bar],
        "y": [min(members), max(members)],
        "line": {"color": token("ink"), "width": 2},
        "hoverinfo": "skip",
    }


def _notes(shown: Sequence[object], hidden: Sequence[tuple[tuple[int, ...], int]]) -> list[Figure]:
    if not shown:
        return [_note("no problem has enough samples of every member at this budget", 0.5, "center")]
    if hidden:
        rest = sum(count for _, count in hidden)
        return [_note(f"and {_problems(rest)} in {len(hidden)} smaller sets", 1.0, "right")]
    return []


def _note(words: str, x: float, anchor: str) -> Figure:
    return {
        "xref": "paper",
        "x": x,
        "xanchor": anchor,
        "yref": "paper",
        "y": 0.98,
        "text": words,
        "showarrow": False,
        "font": {"size": 12, "color": token("ink-3")},
        "bgcolor": token("card"),
    }


def _who(sets: Sequence[SolvedSet], members: Sequence[int]) -> str:
    if not members:
        return "no member"
    names = ", ".join(plain(sets[row].name) for row in members)
    return f"all of {names}" if len(members) == len(sets) > 1 else f"only {names}"


def _problems(count: int) -> str:
    return "1 problem" if count == 1 else f"{count} problems"


def _size(one: SolvedSet) -> str:
    return "—" if one.size is None else str(one.size)


def _written(jaccard: float) -> str:
    return "—" if np.isnan(jaccard) else f"{jaccard:.2f}"


def _angle(names: Sequence[str]) -> int:
    """Long names of many members stand upright, so that they do not touch."""
    return -90 if max(map(len, names), default=0) * len(names) > 60 else 0


def _short(name: str) -> str:
    return plain(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")
