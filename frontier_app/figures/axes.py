"""What the axes of plain figures have in common."""

from frontier_app.figures.colours import token

Figure = dict[str, object]


def axis(title: str) -> Figure:
    """Its title and the look of its ticks; a figure adds its range to it."""
    return {
        "title": {"text": title, "font": {"size": 12, "color": token("ink-2")}, "standoff": 8},
        "gridcolor": token("line"),
        "tickfont": {"size": 11, "color": token("ink-3")},
        "zeroline": False,
    }


def lined_axis(title: str) -> Figure:
    """The same with a line of its own."""
    return axis(title) | {"linecolor": token("line-strong")}
