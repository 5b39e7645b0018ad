"""What the answers become: shares of solved, too slow, wrong and no program, stacked against alpha.

Shares between two measured alphas are joined by straight lines and nothing is drawn beyond the outermost; a single
measured alpha is a column. The axis reaches to the planned alphas, so that points come in without moving it. The bands'
order, their names inside them and a texture carry the classes as well as their colours do. Numbers come in, a Plotly
dict goes out.
"""

from collections.abc import Sequence

from frontier_app.figures.colours import token
from frontier_app.figures.frontier import Figure, FrontierPoint

BANDS = (
    ("solved", "solved", "solved", ""),
    ("optimisation", "too slow", "slow", "/"),
    ("correctness", "wrong", "wrong", "x"),
    ("no_answer", "no program", "none", "."),
)
# A band thinner than this has no room for its name.
NAMED_FROM = 0.1
# Names keep this share of the width away from both sides.
EDGE = 0.12
# The width a plot has on a page of 1280 px and that of a digit, for keeping the ticks' labels apart.
PLOT_WIDTH, LETTER_WIDTH = 400.0, 6.2
# What the empty axis shows.
EMPTY_RANGE = (-0.5, 1.5)
# The width of the column of a single alpha, as a share of the plot's.
COLUMN = 0.06


def composition_figure(points: Sequence[FrontierPoint], planned: Sequence[float] = ()) -> Figure:
    """The Plotly figure of the points on the path; those apart from it are not shown. `planned` alphas have no point
    yet."""
    path = sorted((point for point in points if point.alpha is not None), key=lambda point: point.alpha or 0.0)
    alphas = [point.alpha or 0.0 for point in path]
    shares = {name: [getattr(point, name).rate for point in path] for name, *_ in BANDS}
    places = sorted({*alphas, *planned})
    low, high = (places[0], places[-1]) if places else EMPTY_RANGE
    margin = 0.0 if high > low else 0.5
    edges = alphas
    if len(alphas) == 1:
        half = COLUMN / 2 * (high - low + 2 * margin)
        edges = [alphas[0] - half, alphas[0] + half]
    return {
        "data": [
            _band(name, words, colour, texture, edges, shares[name] * (2 if len(alphas) == 1 else 1))
            for name, words, colour, texture in BANDS
        ],
        "layout": {
            "xaxis": {
                "title": {"text": "a", "font": {"size": 12, "color": token("ink-2")}, "standoff": 8},
                "range": [low - margin, high + margin],
                "tickvals": _ticks(places, high - low + 2 * margin),
                "tickangle": 0,
                "tickfont": {"size": 11, "color": token("ink-3")},
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {
                "range": [0, 1],
                "gridcolor": token("line"),
                "tickfont": {"size": 11, "color": token("ink-3")},
                "tickvals": [0.2, 0.4, 0.6, 0.8, 1],
                "zeroline": False,
            },
            "shapes": [_trained_end(end) for end in (0.0, 1.0) if low < end < high],
            "annotations": _names(alphas, shares),
            "showlegend": False,
            "hovermode": "x",
            "dragmode": False,
            "margin": {"l": 40, "r": 14, "t": 12, "b": 40},
        },
    }


def _band(name: str, words: str, colour: str, texture: str, alphas: Sequence[float], shares: Sequence[float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": words,
        "x": list(alphas),
        "y": [round(share, 4) for share in shares],
        "stackgroup": "shares",
        "line": {"width": 1, "color": token(colour)},
        "fillcolor": token(colour, 0.85),
        "fillpattern": {
            "shape": texture,
            "fillmode": "overlay",
            "fgcolor": token("card"),
            "fgopacity": 0.16,
            "size": 7,
            "solidity": 0.16,
        },
        "hovertemplate": f"{words} %{{y:.3f}}<extra></extra>",
        "meta": {"band": name},
    }


def _ticks(alphas: Sequence[float], span: float) -> list[float]:
    """The alphas whose labels fit beside each other on an axis of `span`. Whole ones first, then halves, quarters."""
    if not alphas:
        return [-0.5, 0.0, 0.5, 1.0, 1.5]
    kept: list[float] = []
    for alpha in sorted(alphas, key=lambda alpha: (not alpha.is_integer(), not (alpha * 2).is_integer(), alpha % 0.25)):
        if all(abs(alpha - other) / span * PLOT_WIDTH >= _label_room(alpha, other) for other in kept):
            kept.append(alpha)
    return sorted(kept)


def _label_room(one: float, other: float) -> float:
    """How many pixels apart two ticks must be so that their labels do not touch."""
    return (len(f"{one:g}") + len(f"{other:g}")) / 2 * LETTER_WIDTH + LETTER_WIDTH


def _note(words: str) -> Figure:
    font = {"size": 12, "color": token("ink-3")}
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    return {**place, "text": words, "showarrow": False, "font": font, "bgcolor": token("card"), "borderpad": 4}


def _trained_end(alpha: float) -> Figure:
    return {
        "type": "line",
        "x0": alpha,
        "x1": alpha,
        "y0": 0,
        "y1": 1,
        "line": {"color": token("card", 0.8), "width": 1, "dash": "dot"},
    }


def _names(alphas: Sequence[float], shares: dict[str, list[float]]) -> list[Figure]:
    """Each band's name where the band is thickest, away from the edges and from the lines at the trained ends."""
    margin = EDGE * (alphas[-1] - alphas[0]) if alphas else 0.0
    inner = [index for index, alpha in enumerate(alphas) if alphas[0] + margin <= alpha <= alphas[-1] - margin]
    inner = [index for index in inner if alphas[index] not in (0.0, 1.0)] or inner
    if not alphas:
        return [_note("the shares stand here once a point is measured")]
    if len(alphas) < 3 or not inner:
        return []
    names, floor = [], [0.0] * len(alphas)
    for name, words, colour, _ in BANDS:
        at = max(inner, key=lambda index: shares[name][index])
        if shares[name][at] >= NAMED_FROM:
            names.append(
                {
                    "x": alphas[at],
                    "y": round(floor[at] + shares[name][at] / 2, 4),
                    "text": words,
                    "showarrow": False,
                    "font": {"size": 12, "color": token(f"on-{colour}")},
                    "bgcolor": token(colour),
                    "borderpad": 2,
                }
            )
        floor = [below + share for below, share in zip(floor, shares[name], strict=True)]
    return names
