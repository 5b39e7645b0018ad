"""What the pages of runs, checkpoints and evaluations share: their filter, difficulty and baseline, groups, files, and
the context of the templates `parts/table*.html`.

Rows and columns are those of `frontier_app.tables`; this reads addresses and decides what a share link hides.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from frontier_app.filters import FilterError, compile_filter, patience
from frontier_app.filters.fields import Fields
from frontier_app.filters.language import quoted
from frontier_app.models import Study
from frontier_app.numbers.placement import DIFFICULTIES, difficulties_of
from frontier_app.tables import files as table_files
from frontier_app.tables.columns import Column
from frontier_app.tables.groups import Group, by_reading, grouped
from frontier_app.tables.rates import CellReading
from frontier_app.tables.runs import Value
from frontier_app.tables.table import Table
from frontier_app.views.fetch import OpenStudy
from frontier_app.views.frame import study_context

ROWS_AT_ONCE = 500
Shown = Callable[[Sequence[int]], Sequence[Any]]


class Line(NamedTuple):
    """A row of a table with what surrounds its cells: the address that it opens ("" for none), the one that makes it
    the baseline, the template of what can be done with it, and the template of a heading above it."""

    row: Any
    pk: int
    key: str
    name: str
    href: str
    pin: str
    acts: str
    heading: str = ""
    depth: int = 0


class Filtered(NamedTuple):
    """The filter of an address: its text, its condition, and what is wrong with it."""

    text: str
    condition: Q
    error: FilterError | None = None

    @property
    def status(self) -> int:
        return 422 if self.error else 200


def read_filter(request: HttpRequest, fields: Fields) -> Filtered:
    text = request.GET.get("q", "").strip()
    try:
        return Filtered(text, compile_filter(text, fields))
    except FilterError as error:
        return Filtered(text, Q(pk__in=()), error)


class PageOfRows(NamedTuple):
    filtered: Filtered
    keys: list[int]


def page_of(table: Table, filtered: Filtered, rows: "QuerySet[Any, Any]", *natural: Any) -> PageOfRows:
    """The keys of the page's rows; none, and the reason, when the database takes too long over the filter."""
    try:
        with patience() if filtered.text else nullcontext():
            return PageOfRows(filtered, table.page(rows.filter(filtered.condition), *natural))
    except FilterError as error:
        return PageOfRows(filtered._replace(error=error), table.page(rows.none()))


def difficulty_of(request: HttpRequest, study: Study) -> tuple[str, list[str]]:
    """The difficulty that rates are for, and those to choose from. The hardest unless the address names another."""
    known = difficulties_of(study) or list(DIFFICULTIES)
    wanted = request.GET.get("difficulty", "")
    return (wanted if wanted in known else known[-1]), known


def table_context(opened: OpenStudy, tab: str, table: Table, filtered: Filtered, **more: object) -> dict[str, object]:
    return study_context(opened, tab) | {
        "table": table,
        "fixed": opened.viewer.share_link is not None,
        "q": filtered.text,
        "filter_error": filtered.error,
        "standard_columns": table.address(columns=None),
        "clear_address": table.address(q=None),
        **more,
    }


def address_of(name: str, study: Study) -> str:
    """The page of that name of the study."""
    return reverse(name, args=[study.slug])


class GroupLine(NamedTuple):
    """A group with the address of its rows, "" where no filter can name them."""

    value: Any
    words: str
    rows: int
    seeds: int
    readings: Sequence[Any]
    address: str


def groups_context(
    table: Table,
    rows: "QuerySet[Any, Any]",
    by: Combinable,
    unit: Combinable,
    field: str,
    choices: Iterable[tuple[str, str]],
) -> dict[str, object]:
    """The groups of the page. `field` is the filter's name for the key, "" where it has none."""
    measured = [column for column in table.shown if column.measured and column.expression is not None]
    stopped: dict[str, object] = {}
    try:
        with patience() if table.filter_text else nullcontext():
            groups = _groups(table, rows, by, unit, measured)
    except FilterError as error:
        groups, stopped = [], {"filter_error": error}
    label = next((label for key, label in choices if key == table.group), table.group.partition(".")[2] or table.group)
    return {
        "groups": [_line(table, group, field) for group in table.cut(groups)],
        "measures": [table.heading(column) for column in measured],
        "group_label": label,
        **stopped,
    }


def _groups(
    table: Table, rows: "QuerySet[Any, Any]", by: Combinable, unit: Combinable, measured: Sequence[Column]
) -> list[Group]:
    expressions = {column.key: column.expression for column in measured if column.expression is not None}
    groups = grouped(rows, by, unit, expressions)
    if table.sorting is not None and table.sorting in measured:
        return by_reading(groups, measured.index(table.sorting), table.descending)
    return groups


def _line(table: Table, group: Group, field: str) -> GroupLine:
    address = ""
    if field:
        one = f"{field} = {filter_word(group.value)}"
        before = table.filter_text
        address = table.address(group=None, sort=None, q=f"({before}) {one}" if before else one)
    return GroupLine(*group, address)


def filter_word(value: object) -> str:
    """A value as the filter language writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return quoted(str(value))


def _answer(table: Table, write: Callable[[], HttpResponse]) -> HttpResponse:
    """A file; where the database takes too long over the filter the reason."""
    try:
        with patience() if table.filter_text else nullcontext():
            return write()
    except FilterError as error:
        return HttpResponse(error.message, status=422, content_type="text/plain; charset=utf-8")


def groups_file(
    table: Table, rows: "QuerySet[Any, Any]", by: Combinable, unit: Combinable, name: str, format: str
) -> HttpResponse:
    """All groups as a file: readings with their intervals, n the number of seeds."""
    measured = [column for column in table.shown if column.measured and column.expression is not None]
    columns = [
        table_files.Column("group", table.group),
        table_files.Column("rows", table.noun),
        table_files.Column("seeds", "seeds"),
        *(_file_column(column, interval=True) for column in measured),
    ]

    def lines() -> Iterator[list[Any]]:
        for group in _groups(table, rows, by, unit, measured):
            yield [group.words, group.rows, group.seeds, *(table_files.Interval(*one) for one in group.readings)]

    return _answer(table, lambda: table_files.table_response(name, format, columns, lines()))


def rows_file(
    table: Table, rows: "QuerySet[Any, Any]", natural: Sequence[Any], shown: Shown, name: str, format: str
) -> HttpResponse:
    """All rows that match as a file, with the columns that the table shows, read some hundred at a time."""
    columns = [_file_column(column, column.cell.endswith("#rate")) for column in table.shown]
    lines = _file_rows(table, rows, natural, shown)
    return _answer(table, lambda: table_files.table_response(name, format, columns, lines))


def _file_rows(table: Table, rows: "QuerySet[Any, Any]", natural: Sequence[Any], shown: Shown) -> Iterator[list[Any]]:
    keys = table.keys(rows, *natural)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        for row in shown(keys[start : start + ROWS_AT_ONCE]):
            yield [_file_cell(row, column) for column in table.shown]


def _file_column(column: Column, interval: bool) -> table_files.Column:
    return table_files.Column(column.key, column.label, column.best, interval=interval)


def _file_cell(row: Any, column: Column) -> object:
    value = column.value(row)
    if isinstance(value, CellReading):
        rates = row.rates
        return table_files.Interval(value.rate, value.half_width, rates.n if rates else None)
    return value.value if isinstance(value, Value) else value
