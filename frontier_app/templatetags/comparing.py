"""How a comparison is written: signed rates, p-values, and this page's address with one parameter changed."""

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from frontier_app.words import DASH, finite

register = template.Library()
LEAST_P = 0.0005


@register.simple_tag
def signed_rate(value: object, half_width: object = None) -> SafeString:
    """+0.120 ± 0.034; a true minus."""
    number, half = finite(value), finite(half_width)
    if number is None:
        return format_html('<span class="rate">{}</span>', DASH)
    sign = "−" if number < 0 else "+"
    doubt = "" if half is None else f" ± {half:.3f}"
    return format_html('<span class="rate">{}<em>{}</em></span>', f"{sign}{abs(number):.3f}", doubt)


@register.filter
def p_value(value: object) -> str:
    """0.031, and "< 0.001" for anything that would read as 0."""
    number = finite(value)
    if number is None:
        return DASH
    return "< 0.001" if number < LEAST_P else f"{number:.3f}"


@register.simple_tag
def query_with(request: HttpRequest, **values: object) -> str:
    """This page's query with some parameters set."""
    kept = request.GET.copy()
    for name, value in values.items():
        kept[name] = str(value)
    return f"?{kept.urlencode()}"
