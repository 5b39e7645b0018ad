"""The traces of a panel of the Frontiers page: marks, ellipses, steps of paths and what a click on them means.

Many ellipses and steps share one trace a shade: a trace each would make the browser draw for seconds. On every step of
a path lie invisible marks, one an alpha, so that a click there finds the alpha. Numbers come in, parts of a Plotly
figure go out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from compute.stats.bootstrap import ellipse
from frontier_app.figures.colours import ramp, token
from frontier_app.figures.frontier import SPACE, SYMBOLS, Figure, Mark, Reading

# Shades of ellipses and steps are rounded to so many parts of the path.
SHADES = 8
# Steps between the alphas that a click on a path can mean, and how many lie within one gap at most.
ALPHA_STEPS = (0.01, 0.02, 0.05, 0.1, 0.25)
MOST_ALPHAS_A_GAP = 9
# Of a crowd of paths each gap has fewer: so many in all are quick to send and to draw.
MOST_ALPHAS = 400
# How many pixels the halo of a mark grows with the share of answers without a program.
HALO_PIXELS = 60
# Corners of an ellipse, the last on the first.
OUTLINE = 33


class AxisOf(NamedTuple):
    """What an axis shows. `from_zero` for failure rates, whose plot begins at the best there is."""

    title: str
    log: bool = False
    from_zero: bool = False

    def scaled(self, value: float) -> float:
        """Where a value lies on the axis; nan for what a logarithm cannot show."""
        if not self.log:
            return value
        return float(np.log10(value)) if value > 0 else float("nan")


@dataclass(frozen=True)
class Spot:
    """One evaluation in one panel. `covariance` is (x, y) as scaled by the axes, None where it is not known; `shares`
    are solved, correctness and optimisation among the answers that hold a program, for the triangle, and
    `shares_covariance` that of (correctness, optimisation)."""

    key: str
    label: str
    mark: Mark
    filled: bool
    shade: float | None
    x: Reading
    y: Reading
    covariance: np.ndarray | None
    shares: tuple[float, float, float]
    shares_covariance: np.ndarray | None
    no_answer: float
    partial: bool
    dominated: bool
    hover: Sequence[str]

    @property
    def colour(self) -> str:
        return token("ink-3") if self.shade is None else ramp(self.shade)


class Sweep(NamedTuple):
    """What a measurement on a path asks for: the references of its ends, and the setting."""

    low: str
    high: str
    setting: str


class Line(NamedTuple):
    """A path through some of a panel's spots: their places in it, ascending alphas, and which steps are estimates.
    `launch`: where a measurement may be launched on it."""

    name: str
    spots: Sequence[int]
    alphas: Sequence[float]
    estimated: Sequence[bool]
    launch: Sweep | None


Place = Callable[[Spot], tuple[float, float]]


def _bucket(shade: float | None) -> float | None:
    return None if shade is None else round(shade * SHADES) / SHADES


def _tone(shade: float | None, opacity: float = 1.0) -> str:
    return token("ink-3", opacity) if shade is None else ramp(shade, opacity)


def _grouped(pieces: Iterable[tuple[tuple, np.ndarray]]) -> dict[tuple, np.ndarray]:
    """The pieces (points, 2) of each group one after another, a row of nan between two."""
    groups: dict[tuple, list[np.ndarray]] = {}
    for key, piece in pieces:
        groups.setdefault(key, []).extend([piece, np.full((1, piece.shape[1]), np.nan)])
    return {key: np.concatenate(parts[:-1]) for key, parts in groups.items()}


def _plain(values: np.ndarray, digits: int = 5) -> list[float | None]:
    """For JSON, to so many significant digits; nan, the break between two pieces, is None."""
    with np.errstate(divide="ignore"):
        places = digits - 1 - np.floor(np.log10(np.abs(values)))
    places = np.where(np.isfinite(places), places, 0)
    up, down = 10.0 ** np.clip(places, 0, 22), 10.0 ** np.clip(-places, 0, 22)
    rounded = np.rint(values / down * up) / up * down
    return [None if value != value else value for value in rounded.tolist()]


def ellipses(spots: Sequence[Spot], axes: tuple[AxisOf, AxisOf]) -> list[Figure]:
    known, covariances = _known((spot, spot.covariance) for spot in spots)
    if not known:
        return []
    x, y = axes
    centres = [(x.scaled(spot.x.rate), y.scaled(spot.y.rate)) for spot in known]
    outlines = ellipse(centres, covariances, points=OUTLINE)
    for column, shown in enumerate(axes):
        if shown.log:
            outlines[..., column] = 10 ** outlines[..., column]
    return _regions(known, outlines)


def ternary_ellipses(spots: Sequence[Spot]) -> list[Figure]:
    known, covariances = _known((spot, spot.shares_covariance) for spot in spots)
    if not known:
        return []
    return _regions(known, _inside(ellipse([spot.shares[1:] for spot in known], covariances, points=OUTLINE)))


def _known(pairs: Iterable[tuple[Spot, np.ndarray | None]]) -> tuple[list[Spot], list[np.ndarray]]:
    """The spots whose covariance is known, and it."""
    found = [(spot, one) for spot, one in pairs if one is not None and np.isfinite(one).all()]
    return [spot for spot, _ in found], [one for _, one in found]


def _regions(spots: Sequence[Spot], outlines: np.ndarray) -> list[Figure]:
    """`outlines` (spots, points, 2)."""
    keys = [(_bucket(spot.shade), spot.partial) for spot in spots]
    return [_region(key, drawn) for key, drawn in _grouped(zip(keys, outlines, strict=True)).items()]


def _inside(outline: np.ndarray) -> np.ndarray:
    """Outlines (..., 2) of (correctness, optimisation), cut off at the sides of the triangle."""
    cut = np.clip(outline, 0.0, 1.0)
    return cut / np.maximum(cut.sum(axis=-1, keepdims=True), 1.0)


def _region(key: tuple, drawn: np.ndarray) -> Figure:
    shade, partial = key
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _plain(drawn[:, 0]),
        "y": _plain(drawn[:, 1]),
        "fill": "toself",
        "fillcolor": _tone(shade, 0.04 if partial else 0.08),
        "line": {"color": _tone(shade, 0.35), "width": 1, "dash": "dot" if partial else "solid"},
        "hoverinfo": "skip",
        "meta": {"ellipses": True},
    }


def steps(spots: Sequence[Spot], lines: Sequence[Line], place: Place) -> list[Figure]:
    pieces = []
    for line in lines:
        for at, estimated in enumerate(line.estimated):
            left, right = spots[line.spots[at]], spots[line.spots[at + 1]]
            shade = _bucket(((left.shade or 0.0) + (right.shade or 0.0)) / 2)
            pieces.append(((shade, estimated), np.array([place(left), place(right)])))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": _plain(drawn[:, 0]),
            "y": _plain(drawn[:, 1]),
            "line": {"color": _tone(shade), "width": 1.6, "dash": "dash" if estimated else "solid"},
            "hoverinfo": "skip",
            "meta": {"steps": "estimated" if estimated else "measured"},
        }
        for (shade, estimated), drawn in _grouped(pieces).items()
    ]


def alphas_within(low: float, high: float, most: int = MOST_ALPHAS_A_GAP) -> list[float]:
    """The alphas that a click between two measured ones can mean: at most `most` round numbers, or the middle."""
    for step in ALPHA_STEPS:
        first, last = np.floor(low / step + 1e-9) + 1, np.ceil(high / step - 1e-9) - 1
        if 0 < last - first + 1 <= most:
            return [round(float(number) * step, 4) for number in np.arange(first, last + 1)]
    return [round((low + high) / 2, 4)]


def alphas_of_gaps(spots: Sequence[Spot], lines: Sequence[Line], axes: tuple[AxisOf, AxisOf]) -> list[Figure]:
    """Invisible marks on the steps of paths. On a logarithmic axis the line drawn is straight there, too."""
    x, y = axes
    gaps = sum(len(line.estimated) for line in lines if line.launch is not None)
    most = min(MOST_ALPHAS_A_GAP, max(1, MOST_ALPHAS // max(gaps, 1)))
    found: list[tuple[float, float, dict[str, str], str]] = []
    for line in lines:
        if line.launch is None:
            continue
        for at, estimated in enumerate(line.estimated):
            left, right = spots[line.spots[at]], spots[line.spots[at + 1]]
            low, high = line.alphas[at], line.alphas[at + 1]
            for alpha in alphas_within(low, high, most) if high > low else ():
                share = (alpha - low) / (high - low)
                ends = ((left.x, right.x, x), (left.y, right.y, y))
                across, up = (_between(shown, one.rate, other.rate, share) for one, other, shown in ends)
                words = f"a = {alpha:g}".replace("-", "−")
                said = f"<b>{words}</b> · not measured<br>{line.name}" + (
                    "<br>the line is an estimate" if estimated else ""
                )
                target = {"path": line.name, **line.launch._asdict(), "alphas": f"{alpha:g}"}
                found.append((across, up, target, f"{said}<br>click to measure it"))
    if not found:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": _plain(np.array([one[0] for one in found])),
            "y": _plain(np.array([one[1] for one in found])),
            "marker": {"size": 9, "color": token("ink-3"), "opacity": 0},
            "customdata": [one[2] for one in found],
            "hovertext": [one[3] for one in found],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "meta": {"gaps": True},
        }
    ]


def _between(shown: AxisOf, one: float, other: float, share: float) -> float:
    value = (1 - share) * shown.scaled(one) + share * shown.scaled(other)
    return float(10**value) if shown.log else value


def rings(spots: Sequence[Spot], place: Place) -> list[Figure]:
    ringed = [spot for spot in spots if spot.mark == "extrapolated"]
    return _signs(ringed, place, {"symbol": "circle-open", "size": 17, "line": {"width": 1.1}})


def strokes(spots: Sequence[Spot], place: Place) -> list[Figure]:
    struck = [spot for spot in spots if spot.dominated]
    sign = {"symbol": "line-ne-open", "size": 15, "line": {"width": 1.6, "color": token("ink-2")}}
    return _signs(struck, place, sign, colour=token("ink-2"), meta={"dominated": [spot.key for spot in struck]})


def halos(spots: Sequence[Spot]) -> list[Figure]:
    shown = [spot for spot in spots if spot.no_answer > 0]
    sizes = [round(12 + HALO_PIXELS * spot.no_answer, 1) for spot in shown]
    sign = {"symbol": "circle", "size": sizes, "opacity": 0.35}
    return _signs(shown, lambda spot: (spot.shares[1], spot.shares[2]), sign, colour=token("none"))


def _signs(
    spots: Sequence[Spot],
    place: Place,
    marker: Mapping[str, object],
    colour: str | None = None,
    meta: Mapping[str, object] | None = None,
) -> list[Figure]:
    if not spots:
        return []
    where = np.array([place(spot) for spot in spots])
    opacity = {"opacity": [0.5 if spot.partial else 1.0 for spot in spots]}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": _plain(where[:, 0]),
            "y": _plain(where[:, 1]),
            "marker": {"color": colour or [spot.colour for spot in spots]} | opacity | dict(marker),
            "hoverinfo": "skip",
            "meta": dict(meta or {}),
        }
    ]


def marks(spots: Sequence[Spot], places: Sequence[str | None], place: Place) -> list[Figure]:
    """All marks in one trace, the last, so that a click or a hover finds the point's key in `customdata`."""
    if not spots:
        return []
    where = np.array([place(spot) for spot in spots])
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": _plain(where[:, 0]),
            "y": _plain(where[:, 1]),
            "text": [_label(spot, place) for spot, place in zip(spots, places, strict=True)],
            "textposition": [place or "top right" for place in places],
            "textfont": {"size": 11, "color": token("ink-2")},
            "marker": {
                "symbol": [SYMBOLS.get(spot.mark, "circle") for spot in spots],
                "size": [11 if spot.filled else 10 for spot in spots],
                "color": [spot.colour if spot.filled else token("card") for spot in spots],
                "line": {"color": [spot.colour for spot in spots], "width": 2},
                "opacity": [0.5 if spot.partial else 1.0 for spot in spots],
            },
            "selected": {"marker": {"opacity": 1.0}},
            "unselected": {"marker": {"opacity": 0.3}, "textfont": {"color": token("ink-3")}},
            "customdata": [spot.key for spot in spots],
            "hovertext": ["<br>".join(spot.hover) for spot in spots],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "cliponaxis": False,
            "meta": {"marks": True},
        }
    ]


def _label(spot: Spot, place: str | None) -> str:
    if place is None:
        return ""
    return f"{SPACE}{spot.label}" if "right" in place else f"{spot.label}{SPACE}" if "left" in place else spot.label
