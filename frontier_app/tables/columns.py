"""What a column is: its name in the address, how it sorts, how a cell looks and what it is worth in a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import F
from django.db.models.expressions import Combinable, OrderBy
from django.db.models.fields.json import KeyTransform


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
    def expression(self) -> Combinable | None:
        return F(self.sort) if isinstance(self.sort, str) else self.sort

    def ordering(self, descending: bool) -> OrderBy:
        """Rows without a value come last in either direction."""
        expression = self.expression
        assert expression is not None
        made = expression.desc(nulls_last=True) if descending else expression.asc(nulls_last=True)  # type: ignore[attr-defined]
        return made


def json_key(field: str, path: str) -> Combinable:
    """The value at a dotted path of a JSON field, as `frontier_app.tables.configurations.flatten` names it."""
    expression: Any = F(field)
    for part in path.split("."):
        expression = KeyTransform(part, expression)
    return expression


def by_key(columns: Sequence[Column]) -> Mapping[str, Column]:
    return {column.key: column for column in columns}
