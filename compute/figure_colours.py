"""The colours of a figure in a script: a figure from the server names its colours, `painted` makes them real.

The dashboard draws one figure in two themes, so figures hold `token(ink-3, 0.5)` and `ramp(0.75)` in place of colours.
Here they become those of the light theme, for paper. Knows nothing of a server or a plotting library; what it returns
goes into `plotly.graph_objects.Figure`.
"""

import re
from typing import Any

Colour = tuple[int, int, int]

NAMED = re.compile(r"(token|ramp)\(([^,)]+)(?:,\s*([\d.]+))?\)")
LIGHT = {
    "paper": "#fbfaf7",
    "card": "#ffffff",
    "sunk": "#f3f1ec",
    "line": "#e3dfd6",
    "line-strong": "#cbc5b8",
    "ink": "#1d2126",
    "ink-2": "#50575f",
    "ink-3": "#636a73",
    "accent": "#1f4e8c",
    "accent-soft": "#e6eef8",
    "danger": "#a8323e",
    "danger-soft": "#f9e9ea",
    "solved": "#1f8074",
    "slow": "#d98e1f",
    "wrong": "#a83b6d",
    "none": "#b9b4aa",
    "infra": "#7a818a",
    "on-solved": "#ffffff",
    "on-slow": "#1d2126",
    "on-wrong": "#ffffff",
    "on-none": "#1d2126",
    "slow-text": "#8f5a08",
    "alpha-low": "#7fc3ea",
    "alpha-mid": "#3477b5",
    "alpha-high": "#0d2f5c",
}
"""The tokens that a figure may name; the same as in the style sheet of the dashboard."""


def painted(figure: dict[str, Any]) -> dict[str, Any]:
    """`data` and `layout` of a figure with real colours on white; everything else a figure carries is left out.

    Raises KeyError for a colour that is no token.
    """
    layout = {"paper_bgcolor": "white", "plot_bgcolor": "white", "font": {"color": LIGHT["ink"], "size": 12}}
    return {"data": _painted(figure["data"]), "layout": layout | _painted(figure.get("layout", {}))}


def _painted(part: Any) -> Any:
    if isinstance(part, str):
        found = NAMED.fullmatch(part)
        return colour(*found.groups()) if found else part
    if isinstance(part, list):
        return [_painted(one) for one in part]
    if isinstance(part, dict):
        return {key: _painted(value) for key, value in part.items()}
    return part


def colour(kind: str, name: str, opacity: str | None = None) -> str:
    """`token` and a name, or `ramp` and an alpha, as CSS. The ramp runs from half below low to half above high
    coverage."""
    if kind == "token":
        return _css(_rgb(name), opacity)
    share = min(max((float(name) + 0.5) / 2, 0.0), 1.0) * 2
    ends = ("alpha-low", "alpha-mid") if share < 1 else ("alpha-mid", "alpha-high")
    part = share if share < 1 else share - 1
    low, high = (_rgb(end) for end in ends)
    mixed = tuple(int(a + (b - a) * part + 0.5) for a, b in zip(low, high, strict=True))
    return _css((mixed[0], mixed[1], mixed[2]), opacity)


def _rgb(name: str) -> Colour:
    text = LIGHT[name]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _css(value: Colour, opacity: str | None) -> str:
    return f"rgba({value[0]},{value[1]},{value[2]},{opacity or 1})"
