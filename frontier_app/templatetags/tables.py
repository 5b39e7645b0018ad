"""What the tables' templates need: the value of a cell, and numbers with their sign."""

import math
from typing import Any

from django import template
from django.template import Context, Engine
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from compute.stats.seeds import SeedDifference
from frontier_app.tables.columns import Column
from frontier_app.templatetags.frontier import rate
from frontier_app.words import DASH, figure, seconds

register = template.Library()


@register.simple_tag(takes_context=True)
def cells(context: Context, line: Any) -> SafeString:
    """The cells of a row, each by the template of its column: an `include` in a `for`, in less time."""
    kept: Any = context.render_context.dicts[0]  # for this rendering, as `include` keeps its templates
    found = kept.setdefault(cells, {})
    written = []
    with context.push(row=line.row):
        for place, column in enumerate(context["table"].shown):
            if column.cell not in found:
                found[column.cell] = Engine.get_default().get_template(column.cell)
            context["value"], context["column"] = column.value(line.row), column
            depth = f" depth-{line.depth}" if line.depth and not place else ""
            classes = f"{'num ' if column.numeric else ''}{column.css}{depth}"
            written.append(f'<td class="{classes}">{found[column.cell].nodelist.render(context)}</td>')
    return mark_safe("".join(written))


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


@register.filter
def signed_number(value: object) -> str:
    """A difference of numbers of no known range: +0.01234, −3.1e−05."""
    words = plain_number(value)
    return f"+{words}" if isinstance(value, int | float) and value > 0 else words


@register.simple_tag
def measured(column: Column, mean: float, half_width: float) -> SafeString:
    """A mean with its interval, written as the column writes its cells: 0.612 ± 0.021, 4.2 s ± 0.3 s, 12.4 ± 0.2."""
    if not math.isfinite(mean):
        return format_html('<span class="muted">{}</span>', DASH)
    if column.is_rate:
        return rate(mean, half_width)
    words = seconds if column.is_seconds else plain_number
    doubt = f" ± {words(half_width)}" if math.isfinite(half_width) else ""
    return format_html('<span class="rate">{}<em>{}</em></span>', words(mean), doubt)


@register.simple_tag
def difference(column: Column, found: SeedDifference | None) -> SafeString | str:
    """What stands below a mean: its difference from the pinned group's."""
    if found is None or not math.isfinite(found.mean):
        return ""
    how = f"paired by seed (n = {found.seeds[0]})" if found.paired else "Welch (n = {} and {})".format(*found.seeds)
    return format_html(
        '<span class="sub{}" title="{}{}">{}{}</span>',
        " differs" if found.differs else "",
        how,
        "; the interval excludes 0" if found.differs else "",
        signed(found.mean) if column.is_rate else signed_number(found.mean),
        f" ± {_doubt(column, found.half_width)}" if math.isfinite(found.half_width) else "",
    )


def _doubt(column: Column, half_width: float) -> str:
    return figure(half_width) if column.is_rate else plain_number(half_width)
