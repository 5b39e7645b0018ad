"""What the pages of runs, checkpoints and evaluations share: their filter, difficulty and baseline, groups, files, and
the context of the templates `parts/table*.html`.

A page says in a `Listing` what is its own, and `list_page` answers. Rows and columns are those of
`frontier_app.tables`; this reads addresses and decides what a share link hides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from compute.stats.seeds import SeedDifference, SeedMean
from frontier_app.filters import FilterError, compile_filter, patience
from frontier_app.filters.fields import Fields
from frontier_app.filters.language import quoted
from frontier_app.models import Study
from frontier_app.numbers.placement import DIFFICULTIES, difficulties_of
from frontier_app.tables import files as table_files
from frontier_app.tables.columns import Column
from frontier_app.tables.groups import Group, Grouping, by_reading, grouped
from frontier_app.tables.rates import CellReading
from frontier_app.tables.runs import Value
from frontier_app.tables.table import Table
from frontier_app.views.fetch import OpenStudy
from frontier_app.views.frame import render_page, study_context

ROWS_AT_ONCE = 500
# More references than this make an address that servers refuse.
MOST_SELECTED = 500


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

    def patience(self) -> AbstractContextManager[None]:
        """What to ask the database in."""
        return patience() if self.text else nullcontext()


class Shown(NamedTuple):
    """The rows of some keys, in their order, and that of the baseline."""

    rows: Sequence[Any]
    pinned: Any = None


@dataclass(frozen=True)
class Listing:
    """One page's table. The table's name is that of the page, of its view and of its template.

    `rows` are those of the study, `narrowed` a filter that holds beside the one that is written, `natural` their order
    while the table is not sorted. `shown` reads what the rows of some keys show, and the one of `baseline`; `line` puts
    one between its surroundings. `offered` are the groupings of the menu, `by` is the one that the address asks for,
    `unit` tells the seeds of a group apart.
    """

    table: Table
    fields: Fields
    rows: "QuerySet[Any, Any]"
    shown: Callable[[Sequence[int]], Shown]
    line: Callable[[Any], Line]
    offered: Sequence[Grouping]
    by: Grouping | None
    unit: Combinable
    baseline: Model | None = None
    natural: Sequence[Any] = ()
    narrowed: str = ""


def list_page(
    request: HttpRequest,
    opened: OpenStudy,
    listing: Listing,
    own: Callable[[Sequence[Line]], Mapping[str, object]] = lambda lines: {},
    **more: object,
) -> HttpResponse:
    """The page, its part or its file, as the address asks. `own` and `more` are what else the template needs, `own` for
    the lines of this page."""
    table, filtered = listing.table, read_filter(request, listing.fields)
    narrowed = compile_filter(listing.narrowed, listing.fields)
    filtered = filtered._replace(condition=filtered.condition & narrowed)
    if "format" in request.GET and not filtered.error:
        return _file(request, listing, filtered, f"{opened.study.slug}-{table.name}")
    filtered, context = (_groups_context if listing.by else _rows_context)(listing, filtered)
    made_of = study_context(opened, table.name) | {
        "table": table,
        "fixed": opened.viewer.share_link is not None,
        "q": filtered.text,
        "filter_error": filtered.error,
        "fields": listing.fields,
        "matching": _both(filtered.text, listing.narrowed),
        "standard_columns": table.address(columns=None),
        "clear_address": table.address(q=None),
        "most_selected": MOST_SELECTED,
        "group_choices": table.groups((one.key, one.label) for one in listing.offered),
        "any": table.total > 0 or listing.rows.exists(),
    }
    made_of |= context | dict(own(context.get("lines", ()))) | more  # type: ignore[arg-type]
    return render_page(request, f"{table.name}.html", made_of, parts=("rows",), status=filtered.status)


def _file(request: HttpRequest, listing: Listing, filtered: Filtered, name: str) -> HttpResponse:
    """All rows or groups that match, or of the rows those that the address names one by one; where the database takes
    too long over the filter the reason."""
    rows, chosen = listing.rows.filter(filtered.condition), request.GET.get("rows", "")
    if chosen:
        references = chosen.split(",")
        if len(references) > MOST_SELECTED:
            sentence = f"At most {MOST_SELECTED} rows can be named one by one: filter the list instead."
            return HttpResponseBadRequest(sentence, content_type="text/plain")
        rows = rows.filter(reference__in=references)
    try:
        with filtered.patience():
            return (_groups_file if listing.by else _rows_file)(listing, rows, name, request.GET["format"])
    except FilterError as error:
        return HttpResponse(error.message, status=422, content_type="text/plain; charset=utf-8")


# Addresses.


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
        with filtered.patience():
            return PageOfRows(filtered, table.page(rows.filter(filtered.condition), *natural))
    except FilterError as error:
        return PageOfRows(filtered._replace(error=error), table.page(rows.none()))


def difficulty_of(request: HttpRequest, study: Study) -> tuple[str, list[str]]:
    """The difficulty that rates are for, and those to choose from. The hardest unless the address names another."""
    known = difficulties_of(study) or list(DIFFICULTIES)
    wanted = request.GET.get("difficulty", "")
    return (wanted if wanted in known else known[-1]), known


def chosen_grouping(
    table: Table, offered: Sequence[Grouping], configured: Callable[[str], Grouping | None]
) -> Grouping | None:
    """The grouping that the address asks for: one of the menu, or any other key of a configuration."""
    return next((one for one in offered if one.key == table.group), None) or configured(table.group)


def baseline_of(table: Table, by: Grouping | None, rows: "QuerySet[Any, Any]") -> Any:
    """The row that is pinned; None for none, and where it is a group that is."""
    return rows.filter(reference=table.baseline).first() if table.baseline and by is None else None


def _both(written: str, more: str) -> str:
    """The filter that asks for both."""
    return f"({written}) {more}" if written and more else written or more


def filter_word(value: object) -> str:
    """A value as the filter language writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return quoted(str(value))


# Rows.


def _rows_context(listing: Listing, filtered: Filtered) -> tuple[Filtered, dict[str, object]]:
    filtered, keys = page_of(listing.table, filtered, listing.rows, *listing.natural)
    shown = listing.shown(keys)
    return filtered, {
        "lines": [listing.line(row) for row in shown.rows],
        "pinned": listing.line(shown.pinned) if shown.pinned is not None else None,
    }


def _rows_file(listing: Listing, rows: "QuerySet[Any, Any]", name: str, format: str) -> HttpResponse:
    """All rows as a file, with the columns that the table shows, read some hundred at a time."""
    shown = listing.table.shown
    compared = listing.baseline is not None
    columns = [_file_column(column, column.is_rate, compared) for column in shown]
    lines = (chain.from_iterable(_file_cells(row, one, compared) for one in shown) for row in _file_rows(listing, rows))
    return table_files.table_response(name, format, list(chain.from_iterable(columns)), map(list, lines))


def _file_rows(listing: Listing, rows: "QuerySet[Any, Any]") -> Iterator[Any]:
    keys = listing.table.keys(rows, *listing.natural)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        yield from listing.shown(keys[start : start + ROWS_AT_ONCE]).rows


def _file_column(column: Column, interval: bool, compared: bool) -> list[table_files.Column]:
    """The column of a file and, with a baseline, that of the differences from it."""
    own = [table_files.Column(column.key, column.label, column.best, interval=interval)]
    if compared and column.measured:
        own.append(table_files.Column(f"{column.key}_delta", f"Δ {column.label}", interval=interval))
    return own


def _file_cells(row: Any, column: Column, compared: bool) -> list[object]:
    pair = _file_pair(row, column.value(row))
    return pair if compared and column.measured else pair[:1]


def _file_pair(row: Any, value: object) -> list[object]:
    """A cell of a file and its difference from the baseline's."""
    if isinstance(value, CellReading):
        own = table_files.Interval(value.rate, value.half_width, row.rates.n if row.rates else None)
        return [own, table_files.Interval(value.delta, value.delta_half_width)]
    return [value.value, value.delta] if isinstance(value, Value) else [value, None]


# Groups.


class Measure(NamedTuple):
    """One cell of a group: a mean, and its difference from the pinned group's."""

    column: Column
    reading: SeedMean
    difference: SeedDifference | None


class GroupLine(NamedTuple):
    """A group with the address of its rows, "" where no filter can name them, and the one that pins it."""

    group: Group
    measures: Sequence[Measure]
    address: str
    pin: str


def _groups_context(listing: Listing, filtered: Filtered) -> tuple[Filtered, dict[str, object]]:
    table, by = listing.table, listing.by
    assert by is not None
    measured = _measured(table)
    try:
        with filtered.patience():
            groups = _groups(listing, listing.rows.filter(filtered.condition), measured)
    except FilterError as error:
        filtered, groups = filtered._replace(error=error), []
    pinned = _pinned(table, groups)

    def line(group: Group) -> GroupLine:
        pin = table.address(baseline=None if group is pinned else group.key)
        return GroupLine(group, _measures(group, measured, pinned), _address(table, by, group), pin)

    return filtered, {
        "groups": [line(group) for group in table.cut(groups)],
        "pinned_group": line(pinned) if pinned else None,
        "lost_pin": table.address(baseline=None) if table.baseline and groups and not pinned else "",
        "measures": [table.heading(column) for column in measured],
        "group_label": by.label,
    }


def _measured(table: Table) -> list[Column]:
    return [column for column in table.shown if column.measured and column.expression is not None]


def _groups(listing: Listing, rows: "QuerySet[Any, Any]", measured: Sequence[Column]) -> list[Group]:
    table, by = listing.table, listing.by
    assert by is not None
    expressions = [column.expression for column in measured if column.expression is not None]
    groups = grouped(rows, by.expression, listing.unit, expressions)
    if table.sorting is not None and table.sorting in measured:
        return by_reading(groups, measured.index(table.sorting), table.descending)
    return groups


def _pinned(table: Table, groups: Sequence[Group]) -> Group | None:
    return next((group for group in groups if group.key == table.baseline), None) if table.baseline else None


def _measures(group: Group, measured: Sequence[Column], pinned: Group | None) -> list[Measure]:
    compared = pinned is not None and pinned is not group
    differences = group.differences(pinned) if compared and pinned else [None] * len(measured)
    return [Measure(*parts) for parts in zip(measured, group.readings, differences, strict=True)]


def _address(table: Table, by: Grouping, group: Group) -> str:
    if isinstance(group.value, list | dict):
        return ""
    both = _both(table.filter_text, f"{by.field} = {filter_word(group.value)}")
    return table.address(group=None, sort=None, baseline=None, q=both)


def _groups_file(listing: Listing, rows: "QuerySet[Any, Any]", name: str, format: str) -> HttpResponse:
    """All groups as a file: means with their intervals, n the number of seeds."""
    table, measured = listing.table, _measured(listing.table)
    groups = _groups(listing, rows, measured)
    pinned = _pinned(table, groups)
    columns = [
        table_files.Column("group", table.group),
        table_files.Column("rows", table.noun),
        table_files.Column("seeds", "seeds"),
        *chain.from_iterable(_file_column(column, True, pinned is not None) for column in measured),
    ]
    lines = (
        [group.value, group.rows, group.seeds]
        + [cell for one in _measures(group, measured, pinned) for cell in _file_intervals(one, pinned is not None)]
        for group in groups
    )
    return table_files.table_response(name, format, columns, lines)


def _file_intervals(measure: Measure, compared: bool) -> list[table_files.Interval]:
    found, own = measure.difference, table_files.Interval(*measure.reading)
    if not compared:
        return [own]
    if found is None:
        return [own, table_files.Interval(None)]
    return [own, table_files.Interval(found.mean, found.half_width, found.seeds[0] if found.paired else None)]
