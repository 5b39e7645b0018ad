"""Rows in PostgreSQL's binary COPY format, built a column at a time by numpy.

Ten times faster than formatting row by row. Holds for rows whose values all have the same width, which the rows of one
suite of tests have; it knows neither models nor transactions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
INT4_OID = 23
Column = NDArray | bytes | None
"""One value a row; a constant's own bytes; or null in every row. Integers and floats are sent with their own width."""


def binary_rows(columns: Sequence[Column], count: int) -> bytes:
    """`count` rows of `columns`, to be written between HEADER and TRAILER.

    (rows,) arrays of bool, int16, int32, int64, float64 or fixed-width bytes become scalars and text; (rows, width)
    int32 arrays become integer[].
    """
    fields: list[tuple] = [("columns", ">i2")]
    values: dict[str, NDArray | int | bytes] = {"columns": len(columns)}
    for number, column in enumerate(columns):
        length, data = f"length{number}", f"data{number}"
        fields.append((length, ">i4"))
        if column is None:
            values[length] = -1
        elif isinstance(column, bytes):
            values[length] = len(column)
            if column:
                fields.append((data, f"S{len(column)}"))
                values[data] = column
        elif column.ndim == 2:
            array = _integer_arrays(column)
            fields.append((data, array.dtype))
            values |= {length: array.dtype.itemsize, data: array}
        else:
            kind = column.dtype.newbyteorder(">") if column.dtype.kind in "if" else column.dtype
            fields.append((data, kind))
            values |= {length: kind.itemsize, data: column}
    rows = np.zeros(count, dtype=fields)
    for name, value in values.items():
        rows[name] = value
    return rows.tobytes()


def _integer_arrays(column: NDArray) -> NDArray:
    """(rows, width) integers as integer[] values: dimensions, null flag, type, length, lower bound, elements."""
    width = column.shape[1]
    element = [("length", ">i4"), ("value", ">i4")]
    dtype = np.dtype([("head", ">i4", (5,)), ("elements", element, (width,))] if width else [("head", ">i4", (3,))])
    arrays = np.zeros(len(column), dtype=dtype)
    arrays["head"] = (1, 0, INT4_OID, width, 1) if width else (0, 0, INT4_OID)
    if width:
        arrays["elements"]["length"] = 4
        arrays["elements"]["value"] = column
    return arrays


def copy_statement(table: str, columns: Mapping[str, object] | Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'COPY "{table}" ({names}) FROM STDIN (FORMAT BINARY)'
