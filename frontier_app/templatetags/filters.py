"""What the box of a filter shows of the language: the fields of one kind of row, each with the operators it takes."""

from typing import NamedTuple

from django import template

from frontier_app.filters import FIELDS, Fields
from frontier_app.filters.language import needs_quotes, quoted
from frontier_app.filters.values import MISSING, Kind

register = template.Library()
KIND_WORDS = {
    Kind.TEXT: "text",
    Kind.NUMBER: "number",
    Kind.TRUTH: "true or false",
    Kind.DATE: "date",
    Kind.WORDS: "list",
    Kind.FREE: "any",
}
UNIT_WORDS = {"seconds": "ms, s, min", "bytes": "kB, MiB, GB"}
MOST_CHOICES = 7


class Entry(NamedTuple):
    """A field as help tells it; `choices` where there are few."""

    name: str
    kind: str
    description: str
    choices: str


@register.simple_tag
def filter_entries(rows: str, fields: Fields | str | None = None) -> list[Entry]:
    """The fields of `rows`, or those of `fields` where a page has its own."""
    known = fields if isinstance(fields, Fields) else FIELDS[rows]
    return [
        Entry(
            f"{one.name}.…" if one.keyed else one.name,
            KIND_WORDS[one.kind] + (f" ({UNIT_WORDS[one.unit]})" if one.unit else ""),
            one.description,
            ", ".join(one.choices) if len(one.choices) <= MOST_CHOICES else "",
        )
        for one in known
    ]


@register.filter
def filter_by(value: str, field: str) -> str:
    """The filter for rows whose field has that value."""
    return f"{field} = {quoted(value) if needs_quotes(value) or value.lower() == MISSING else value}"
