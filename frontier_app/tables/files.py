"""Tables as files: CSV, JSON and Parquet for programs, Markdown and LaTeX (booktabs) for papers.

A file is made whole before any of it is sent, so a fault in the last row is an error and never half a file; for that
reason the number of rows is bounded. Programs get every digit and a missing value as nothing; papers get rounded
values, an em dash for what is missing, and the best value of a column in bold where the column says which end is best.
"""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from django.http import HttpResponse, HttpResponseBadRequest
from django.utils.text import slugify

ROWS_AT_MOST = 500_000
DASH = "—"
# What a spreadsheet takes for the start of a formula, wide forms included; a negative number keeps its sign.
FORMULA = re.compile(r"\s*(?:[=+@＝＋＠－]|-(?!\d)|-.*[^\d.eE+-])|[\t\r\n]", re.DOTALL)

Row = Sequence[Any]


class Interval(NamedTuple):
    """A cell of an interval column: `value` ± `half_width` of `n` samples; nan and None stand for unknown."""

    value: float | None
    half_width: float | None = None
    n: int | None = None


class Column(NamedTuple):
    """One column of a file.

    key: its name for programs; label: for people; best: which end is set in bold in a paper; digits: after the point
    in a paper; interval: its cells are `Interval`s, which programs get as KEY, KEY_half_width and KEY_n.
    """

    key: str
    label: str
    best: Literal["", "high", "low"] = ""
    digits: int = 3
    interval: bool = False


class Format(NamedTuple):
    """content_type: as HTTP names it; write: columns and rows to the bytes of the file."""

    content_type: str
    write: Callable[[Sequence[Column], Iterable[Row]], bytes]


def table_response(
    name: str, format: str, columns: Sequence[Column | tuple[str, str]], rows: Iterable[Row]
) -> HttpResponse:
    """All `rows` as a file called `name`, to be saved. A format that is unknown is answered with 400 and reads no row.

    A row has one cell a column: text, numbers, truth values, moments, lists, mappings, `Interval`s or None.
    """
    found = FORMATS.get(format)
    if found is None:
        return HttpResponseBadRequest(
            f"A table comes as {', '.join(FORMATS)}; “{format[:40]}” is none of them.", content_type="text/plain"
        )
    kept = list(islice(rows, ROWS_AT_MOST + 1))
    if len(kept) > ROWS_AT_MOST:
        return HttpResponseBadRequest(
            f"More than {ROWS_AT_MOST:,} rows match: filter the list before saving it.", content_type="text/plain"
        )
    response = HttpResponse(found.write([Column(*column) for column in columns], kept), content_type=found.content_type)
    file = f"{slugify(name) or 'table'}.{format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


# For programs.


def keys_of(columns: Sequence[Column]) -> list[str]:
    """The names of the columns that programs get."""
    return [
        key
        for column in columns
        for key in ((column.key, f"{column.key}_half_width", f"{column.key}_n") if column.interval else (column.key,))
    ]


def values_of(columns: Sequence[Column], row: Row) -> Iterator[Any]:
    """The values of a row that programs get, in the order of `keys_of`; what is not finite is None."""
    for column, cell in zip(columns, row, strict=True):
        if column.interval:
            yield from map(_finite, Interval(*cell) if cell is not None else Interval(None))
        else:
            yield _finite(cell)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_harmless(key) for key in keys_of(columns)])
    writer.writerows([_csv_cell(value) for value in values_of(columns, row)] for row in rows)
    return text.getvalue().encode()


def _csv_cell(value: Any) -> str | float | int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return _harmless(plain(value))


def _harmless(text: str) -> str:
    """Text that no spreadsheet runs: what looks like a formula begins with an apostrophe."""
    return f"'{text}" if FORMULA.match(text) else text


def plain(value: Any) -> str:
    """A value that is no number, as text; nothing for what is missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=plain)
    if isinstance(value, list | tuple | set | frozenset):
        return "; ".join(plain(part) for part in value)
    return str(value)


def as_json(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    """A list of objects, one a line."""
    keys = keys_of(columns)
    lines = (
        json.dumps(dict(zip(keys, values_of(columns, row), strict=True)), ensure_ascii=False, default=plain)
        for row in rows
    )
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def as_parquet(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    """One typed column each; a column that mixes kinds of values is text."""
    import pyarrow  # a third of a second and 60 MB, which no other page needs
    import pyarrow.parquet

    keys = keys_of(columns)
    cells: list[list[Any]] = [[] for _ in keys]
    for row in rows:
        for column, value in zip(cells, values_of(columns, row), strict=True):
            column.append(json.dumps(value, default=plain) if isinstance(value, Mapping) else value)
    arrays = []
    for column in cells:
        try:
            arrays.append(pyarrow.array(column))
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
            arrays.append(pyarrow.array([None if value is None else plain(value) for value in column]))
    output = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=keys), output, compression="zstd")
    return output.getvalue()


# For papers.


class Written(NamedTuple):
    """A cell as a reader sees it: its value, the doubt beside it, and whether it is the best of its column."""

    value: str
    doubt: str = ""
    best: bool = False


def written(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Written]]:
    """The rows in words. Several rows may share the best value: they are compared as they are written."""
    best = [_best(column, [row[at] for row in rows]) for at, column in enumerate(columns)]
    return [
        [_written(column, cell, winner) for column, cell, winner in zip(columns, row, best, strict=True)]
        for row in rows
    ]


def _best(column: Column, cells: Sequence[Any]) -> float | None:
    """The best number of a column as it is written; None where there is nothing to compare."""
    numbers = [round(value, column.digits) for cell in cells if (value := _number(column, cell)) is not None]
    if not column.best or len(numbers) < 2:
        return None
    return max(numbers) if column.best == "high" else min(numbers)


def _number(column: Column, cell: Any) -> float | None:
    value = cell[0] if column.interval and cell is not None else cell
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _written(column: Column, cell: Any, best: float | None) -> Written:
    number = _number(column, cell)
    if number is None:
        # NaN, None and an interval without a value are all missing.
        text = "" if column.interval or isinstance(cell, float) else " ".join(plain(cell).split())
        return Written(text or DASH)
    whole = not column.interval and isinstance(cell, int)
    value = f"{cell}" if whole else f"{number:.{column.digits}f}"
    half = Interval(*cell).half_width if column.interval else None
    doubt = "" if half is None or not math.isfinite(half) else f"{half:.{column.digits}f}"
    return Written(value.replace("-", "−"), doubt, best is not None and round(number, column.digits) == best)


def _numeric(columns: Sequence[Column], rows: Sequence[Row]) -> list[bool]:
    """Which columns hold numbers alone, and stand to the right."""
    return [
        any(_number(column, row[at]) is not None for row in rows)
        and all(_number(column, row[at]) is not None or _missing(column, row[at]) for row in rows)
        for at, column in enumerate(columns)
    ]


def _missing(column: Column, cell: Any) -> bool:
    return cell is None or column.interval or (isinstance(cell, float) and not math.isfinite(cell))


def as_markdown(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    kept = list(rows)
    right = _numeric(columns, kept)
    lines = [[_markdown(column.label) for column in columns], ["---:" if one else "---" for one in right]]
    for row in written(columns, kept):
        lines.append([_markdown_cell(cell) for cell in row])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).encode()


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*_`<\[\]])", r"\\\1", text)


def _markdown_cell(cell: Written) -> str:
    text = _markdown(cell.value) + (f" ± {cell.doubt}" if cell.doubt else "")
    return f"**{text}**" if cell.best else text


def as_latex(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    kept = list(rows)
    align = "".join("r" if one else "l" for one in _numeric(columns, kept))
    body = [" & ".join(_latex_cell(cell) for cell in row) for row in written(columns, kept)]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{align}}}",
        "\\toprule",
        " & ".join(latex(column.label) for column in columns) + " \\\\",
        "\\midrule",
        *(f"{line} \\\\" for line in body),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return ("\n".join(lines) + "\n").encode()


SIGNS = {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "±": "$\\pm$",
    "−": "$-$",
    "×": "$\\times$",
    "≤": "$\\leq$",
    "≥": "$\\geq$",
    "→": "$\\rightarrow$",
    "·": "$\\cdot$",
    "—": "---",
    "–": "--",
    "…": "\\ldots{}",
    "\u202f": "\\,",
    "α": "$\\alpha$",
    "Δ": "$\\Delta$",
    "σ": "$\\sigma$",
} | {sign: f"\\{sign}" for sign in "{}$&#%_"}


def latex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(SIGNS.get(sign, sign) for sign in text)


def _latex_cell(cell: Written) -> str:
    value = f"\\textbf{{{latex(cell.value)}}}" if cell.best else latex(cell.value)
    return f"{value} $\\pm$ {cell.doubt}" if cell.doubt else value


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", as_csv),
    "json": Format("application/json", as_json),
    "parquet": Format("application/vnd.apache.parquet", as_parquet),
    "md": Format("text/markdown; charset=utf-8", as_markdown),
    "tex": Format("application/x-tex; charset=utf-8", as_latex),
}
