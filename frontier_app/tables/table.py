"""One table as its address asks for it: columns, order, page size, page, grouping and baseline.

An address with a column, size or page that does not exist shows the default, never an error. Of a page the database
gives the keys alone, in order; what the rows show is read afterwards for those keys (`in_order`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import QueryDict

from frontier_app.tables.columns import Column, by_key

SIZES = (25, 50, 100, 200)
Row = TypeVar("Row", bound=Model)


class Heading(NamedTuple):
    """A column's head. `direction` is "ascending", "descending" or ""; `address` sorts by it, the other way if it does
    already."""

    column: Column
    address: str
    direction: str


class Choice(NamedTuple):
    key: str
    label: str
    address: str
    chosen: bool


class Table:
    """`columns` are all there are, `shown` those that this address shows, in their order. `sorting` is None in the
    table's own order."""

    def __init__(self, name: str, noun: str, query: QueryDict, columns: Sequence[Column], size: int = 50) -> None:
        self.name, self.noun = name, noun
        self.columns = columns
        self._query = query
        known = by_key(columns)
        wanted = {key for text in query.getlist("columns") for key in text.split(",")} & known.keys()
        self.shown = [column for column in columns if (column.key in wanted if wanted else column.shown)]
        key = query.get("sort", "")
        found = known.get(key.removeprefix("-"))
        self.sorting = found if found is not None and found.sort is not None else None
        self.descending = self.sorting is not None and key.startswith("-")
        asked = query.get("size", "")
        self._standard_size = size
        self.size = int(asked) if asked in map(str, SIZES) else size
        self.group = query.get("group", "")
        self.baseline = query.get("baseline", "")
        self.filter_text = query.get("q", "").strip()
        self.first = self.last = self.total = 0
        self.earlier: str | None = None
        self.later: str | None = None

    def page(self, rows: "QuerySet[Row, Any]", *natural: Any) -> list[int]:
        """The keys of the page's rows, in order; `natural` is the order of a table that is not sorted."""
        return list(self._cut(self._ordered(rows, natural)))

    def keys(self, rows: "QuerySet[Row, Any]", *natural: Any) -> list[int]:
        """The keys of all rows, in order."""
        return list(self._ordered(rows, natural))

    def _ordered(self, rows: "QuerySet[Row, Any]", natural: Sequence[Any]) -> "QuerySet[Row, Any]":
        own = (self.sorting.ordering(self.descending),) if self.sorting is not None else natural
        return rows.order_by(*own, "pk").values_list("pk", flat=True)

    def cut(self, groups: Sequence[Any]) -> Sequence[Any]:
        """The page's part of a sequence that is in memory."""
        return list(self._cut(groups))

    def _cut(self, rows: Any) -> Iterable[Any]:
        page = Paginator(rows, self.size).get_page(self._query.get("page"))
        self.total = page.paginator.count
        self.first, self.last = page.start_index(), page.end_index()
        if page.has_previous():
            self.earlier = self.address(page=page.number - 1)
        if page.has_next():
            self.later = self.address(page=page.number + 1)
        return page.object_list

    @property
    def several(self) -> bool:
        return self.earlier is not None or self.later is not None

    @property
    def width(self) -> int:
        """How many cells a row has, with the one that selects."""
        return len(self.shown) + 1

    @property
    def shows_rates(self) -> bool:
        return any(column.is_rate for column in self.shown)

    @property
    def headings(self) -> list[Heading]:
        return [self.heading(column) for column in self.shown]

    def heading(self, column: Column) -> Heading:
        if column.sort is None:
            return Heading(column, "", "")
        current = self.sorting is not None and self.sorting.key == column.key
        # Figures are asked for from the top: the largest first.
        descending = not self.descending if current else column.measured
        direction = ("descending" if self.descending else "ascending") if current else ""
        return Heading(column, self.address(sort=("-" if descending else "") + column.key), direction)

    @property
    def sizes(self) -> list[Choice]:
        return [
            Choice(
                str(size),
                str(size),
                self.address(size=None if size == self._standard_size else size),
                size == self.size,
            )
            for size in SIZES
        ]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a form that chooses columns hands on."""
        return [(key, str(value)) for key, value in self._query.items() if key not in ("columns", "page", "format")]

    @property
    def filters_kept(self) -> list[tuple[str, str]]:
        """What a filter hands on."""
        kept = ("sort", "columns", "size", "group", "baseline")
        return [(key, str(value)) for key in kept for value in self._query.getlist(key)]

    def groups(self, choices: Iterable[tuple[str, str]]) -> list[Choice]:
        """What rows can be grouped by. A pinned row is no pinned group, so that neither is kept."""
        chosen = [Choice("", "nothing", self.address(group=None, sort=None, baseline=None), not self.group)]
        return chosen + [
            Choice(key, label, self.address(group=key, baseline=None), self.group == key) for key, label in choices
        ]

    def address(self, **changes: object) -> str:
        """This table with some parameters changed; None takes one out. Another page only where it is asked for."""
        query = self._query.copy()
        query.pop("page", None)
        query.pop("format", None)
        for key, value in changes.items():
            if value is None:
                query.pop(key, None)
            else:
                query[key] = str(value)
        return "?" + query.urlencode()


def in_order(keys: Sequence[int], rows: "QuerySet[Row, Any]") -> list[Row]:
    """The rows of these keys, in their order."""
    found = {row.pk: row for row in rows.filter(pk__in=keys).order_by()}
    return [found[key] for key in keys if key in found]
