"""What a column is: its name in the address, how it sorts, how a cell looks and what it is worth in a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Case, F, Func, JSONField, Q, Value, When
from django.db.models.expressions import Combinable, OrderBy

from frontier_app.filters.json_conditions import JsonHasContent


@dataclass(frozen=True)
class Column:
    """`cell` is the template of a cell, which sees `row`, `column` and `value`; `value` gives what a file gets.

    `sort` orders rows, ascending; None where a column does not sort. A `measured` column can be averaged over seeds.
    `best` is the end that a paper sets in bold.
    """

    key: str
    label: str
    value: Callable[[Any], object]
    cell: str = "parts/table_cells.html#text"
    sort: str | Combinable | None = None
    shown: bool = True
    numeric: bool = False
    measured: bool = False
    title: str = ""
    css: str = ""
    best: Literal["", "high", "low"] = ""

    @property
    def is_rate(self) -> bool:
        """Whether its cells are rates with their intervals."""
        return self.cell.endswith("#rate")

    @property
    def is_seconds(self) -> bool:
        return self.cell.endswith("#seconds")

    @property
    def expression(self) -> Combinable | None:
        return F(self.sort) if isinstance(self.sort, str) else self.sort

    def ordering(self, descending: bool) -> OrderBy:
        """Rows without a value come last in either direction."""
        expression = self.expression
        assert expression is not None
        made = expression.desc(nulls_last=True) if descending else expression.asc(nulls_last=True)  # type: ignore[attr-defined]
        return made


def json_key(field: str, path: str) -> Combinable:
    """The value at a dotted path of a JSON field, as `frontier_app.tables.configurations.flatten` names it; missing
    where a filter's `none` says that it is."""
    keys = path.split(".")
    value = Func(F(field), *map(Value, keys), function="jsonb_extract_path", output_field=JSONField())
    return Case(When(Q(JsonHasContent(F(field), keys)), then=value))


def by_key(columns: Sequence[Column]) -> Mapping[str, Column]:
    return {column.key: column for column in columns}
