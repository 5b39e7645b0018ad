"""Colours of a figure, by name: the page knows what they look like in the light and in the dark.

A figure is drawn once and shown in either theme, so it never holds a colour value. It holds `token(ink-3)`, one of
the page's design tokens, or `ramp(0.75)`, a place on the one scale from low to high coverage; the page's
`js/colours.js` turns both into colours. Nothing else is understood there.
"""


def token(name: str, opacity: float = 1.0) -> str:
    """A design token of `static/css/tokens.css` without its two dashes."""
    return f"token({name})" if opacity == 1.0 else f"token({name}, {opacity:g})"


def ramp(alpha: float, opacity: float = 1.0) -> str:
    """The colour of a position on a path, 0 for low and 1 for high coverage; it goes on half a unit past both."""
    return f"ramp({alpha:.4g})" if opacity == 1.0 else f"ramp({alpha:.4g}, {opacity:g})"
