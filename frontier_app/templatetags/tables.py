"""What the tables' templates need: the value of a cell, and numbers with their sign."""

import math
from typing import Any

from django import template

from frontier_app.tables.columns import Column
from frontier_app.words import DASH, figure

register = template.Library()


@register.filter
def cell(row: Any, column: Column) -> object:
    """What a row is worth in a column."""
    return column.value(row)


@register.filter
def signed(value: object, digits: int = 3) -> str:
    """A difference: +0.021, −0.004, 0.000 without a sign."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return DASH
    text = figure(float(value), digits)
    return (
        f"+{text}"
        if value > 0 and float(f"{value:.{digits}f}")
        else text.lstrip("−")
        if not float(f"{value:.{digits}f}")
        else text
    )


@register.filter
def plain_number(value: object) -> str:
    """A number of no known range in at most four digits: 0.01234, 12.5, 3.1e−05."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return DASH
    return f"{value:.4g}".replace("-", "−")
