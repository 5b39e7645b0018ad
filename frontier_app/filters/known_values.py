"""The values and keys that rows of one kind have, to be offered to whoever types a filter.

Every question is bounded in rows, in answers and in time. Callers hand in the rows that their viewer may see.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast
from django.db.models.lookups import IContains

from frontier_app.filters.fields import Field
from frontier_app.filters.language import FilterError
from frontier_app.filters.patience import patience
from frontier_app.filters.values import Kind

MOST_VALUES, LONGEST_VALUE = 20, 120
ROWS_LOOKED_AT = 300
SECONDS = 1.0


@dataclass(frozen=True)
class KnownValues:
    """`rows` are looked at, unless `elsewhere` names a queryset and a column for a field, with the same values and
    fewer rows. `keys` are the keys of keyed fields that no JSON column tells."""

    rows: QuerySet[Any]
    elsewhere: Mapping[str, tuple[QuerySet[Any], str]] = field(default_factory=dict)
    keys: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def values_of(self, found: Field, typed: str) -> list[str]:
        """Distinct values that contain what is typed, in order."""
        if "\x00" in typed:
            return []
        try:
            with patience(SECONDS):
                return self._values(found, typed)
        except FilterError:
            return []

    def _values(self, found: Field, typed: str) -> list[str]:
        if found.name in self.elsewhere:
            rows, column = self.elsewhere[found.name]
        elif isinstance(found.source, str):
            rows, column = self.rows, found.source
        else:
            return []
        if found.kind is Kind.TEXT:
            return _distinct(rows, column, typed)
        if found.kind is Kind.NUMBER and not found.unit and found.source_of is None:
            return _numbers(rows, column, typed)
        if found.kind in (Kind.WORDS, Kind.FREE):
            inside = (one for row in self._newest(column) for one in _under(row, found.keys))
            return _first(sorted({text for one in inside if typed.lower() in (text := _as_text(one)).lower()}))
        return []

    def keys_of(self, found: Field) -> list[str]:
        """The keys of a keyed field, those inside of others with dots."""
        if found.name in self.keys:
            return sorted(self.keys[found.name])
        if found.kind is not Kind.FREE or not isinstance(found.source, str):
            return []
        return sorted({key for row in self._newest(found.source) for key in _keys(row)})

    def _newest(self, source: str) -> list[Any]:
        return list(self.rows.order_by("-pk").values_list(source, flat=True)[:ROWS_LOOKED_AT])


def _distinct(rows: QuerySet[Any], column: str, typed: str) -> list[str]:
    named = rows.order_by().values_list(column, flat=True)
    matching = named.filter(**{f"{column}__icontains": typed}) if typed else named
    return _first(matching.exclude(**{column: ""}).distinct().order_by(column)[:MOST_VALUES])


def _numbers(rows: QuerySet[Any], column: str, typed: str) -> list[str]:
    numbers = rows.order_by().filter(**{f"{column}__isnull": False}).values_list(column, flat=True)
    if typed:
        numbers = numbers.filter(IContains(Cast(column, CharField()), typed))
    return [
        f"{one:g}" if isinstance(one, float) else str(one) for one in numbers.distinct().order_by(column)[:MOST_VALUES]
    ]


def _first(values: Iterable[Any]) -> list[str]:
    return [str(one) for one in values if one is not None and len(str(one)) <= LONGEST_VALUE][:MOST_VALUES]


def _under(row: Any, keys: Iterable[str]) -> list[Any]:
    """What stands under the keys, a list as its elements; nothing for lists and objects inside."""
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    inside = row if isinstance(row, list) else [row]
    return [one for one in inside if one is not None and not isinstance(one, list | dict)]


def _as_text(one: Any) -> str:
    return one if isinstance(one, str) else json.dumps(one)


def _keys(row: Any, before: str = "") -> Iterator[str]:
    if not isinstance(row, dict):
        return
    for key, value in row.items():
        if "." not in key:
            if isinstance(value, dict) and value:
                yield from _keys(value, f"{before}{key}.")
            else:
                yield before + key
