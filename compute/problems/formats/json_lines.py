"""Records of a file of JSON lines or of a JSON array, plain or gzipped, read with suspicion.

A `Record` knows where it stands, and every accessor raises `Unreadable` with one sentence naming file, line and key.
`read_records` turns such an error into a `Refusal` of that record alone. Knows no format's keys. NaN, which pandas
writes for a missing value, is read as null.

So that a small file cannot fill the memory, a record of more than 256 MiB or of more than 1 048 576 values is refused,
before anything is built of it, and a compressed file is read as far as it unpacks to 64 MiB or to 200 times its size.
"""

import gzip
import hashlib
import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import ValidationError

from compute.configs import REFERENCE_LENGTH, one_sentence
from compute.problems.formats import Draft, Recipe, Refusal, as_text, attempt
from compute.problems.formats.json_scan import MOST_VALUES, elements, first_keys, has_more_values
from compute.problems.problem import Problem

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".ndjson", ".ndjson.gz")
MOST_BYTES = 256 << 20
# Data unpack to some ten times their packed size, and to a thousand only where they repeat one thing.
SUSPICIOUS_BYTES = 64 << 20
SUSPICIOUS_RATIO = 200
_PEEK_BYTES = 16 << 20
_REQUIRED: Any = object()


class Unreadable(ValueError):
    """One sentence on what is wrong with a record."""


class Record:
    """One JSON object. `place` is the file and the line; `line` counts from 1 (in an array: its elements)."""

    def __init__(self, values: dict[str, Any], place: str, line: int) -> None:
        self.values = values
        self.place = place
        self.line = line

    def wrong(self, key: str, complaint: str) -> Unreadable:
        """The error to raise: `complaint` continues "the key 'x'"."""
        return Unreadable(f"{self.place}: the key {key!r} {complaint}.")

    def has(self, key: str) -> bool:
        """Whether the key is there with a value that is not null, an empty text, list or object."""
        return self.values.get(key) not in (None, "", [], {})

    def get(self, key: str, default: Any = _REQUIRED) -> Any:
        """Any value. Null counts as missing."""
        value = self.values.get(key)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise self.wrong(key, "is missing" if key not in self.values else "is null")
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        value = self.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, f"is {_kind(value)}, not text")
        return value

    def filled(self, key: str) -> str:
        """Text that is more than white space."""
        text = self.text(key)
        if not text.strip():
            raise self.wrong(key, "is empty")
        return text

    def number(self, key: str, default: Any = _REQUIRED) -> float:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, f"is {_kind(value)}, not a number")
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.wrong(key, "is not a finite number")
        return value

    def items(self, key: str, default: Any = _REQUIRED) -> list[Any]:
        value = self.get(key, default)
        if not isinstance(value, list):
            raise self.wrong(key, f"is {_kind(value)}, not a list")
        return value

    def decoded(self, key: str, default: Any = _REQUIRED) -> Any:
        """The value of a key that holds JSON as text, or that value itself."""
        value = self.get(key, default)
        if not isinstance(value, str):
            return value
        try:
            return decode(value)
        except ValueError as error:
            raise self.wrong(key, f"is not JSON: {error}") from None

    def data(self, key: str, text: object) -> bytes:
        """A text of `key` as bytes."""
        if not isinstance(text, str):
            raise self.wrong(key, f"holds {_kind(text)} where text is wanted")
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise self.wrong(key, "is not valid Unicode") from None

    def inside(self, key: str, values: object) -> "Record":
        """An object that lies in `key`, with the same place."""
        if not isinstance(values, dict):
            raise self.wrong(key, f"holds {_kind(values)} where an object is wanted")
        return Record(values, f"{self.place}, in {key!r}", self.line)


def decode(text: str | bytes) -> Any:
    """JSON of any shape. Raises ValueError in words: for bad syntax, invalid UTF-8, too many digits, deep nesting, more
    than `MOST_VALUES` values."""
    if has_more_values(text, MOST_VALUES):
        raise ValueError(f"it has more than {MOST_VALUES} values")
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except UnicodeDecodeError as error:
        raise ValueError(f"its byte {error.start} is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError:
        raise ValueError("it holds a number of too many digits") from None


def recognises(path: Path, *keys: str) -> bool:
    """Whether the first record of a file has all `keys` within its first 16 MiB. False for whatever cannot be read.
    Nothing is built of the record."""
    if not path.is_file() or not path.name.endswith(SUFFIXES):
        return False
    try:
        with _opened(path) as file:
            head = file.read(_PEEK_BYTES)
    except (EOFError, zlib.error, OSError):
        return False
    missing = set(keys)
    for key in first_keys(head):
        missing.discard(key)
        if not missing:
            return True
    return False


def read_records(
    path: Path, read: Callable[[Record], Draft | Recipe], name: Callable[[Record], str]
) -> Iterator[Draft | Recipe | Refusal]:
    """What `read` makes of every record. A record's errors and the file's become refusals, whatever they are.

    `name` of a record identifies it for the person who reads a refusal; a name that stood before is refused.
    """
    lines: dict[str, int] = {}
    for record in records(path):
        if isinstance(record, Refusal):
            yield record
        else:
            yield attempt(record.place, partial(_read, record, read, name, lines))
    if not lines:
        yield from _nothing(path)


def _read(
    record: Record, read: Callable[[Record], Draft | Recipe], name: Callable[[Record], str], lines: dict[str, int]
) -> Draft | Recipe | Refusal:
    """`lines`: where each name stood before."""
    named = record.place
    try:
        identifier = name(record)
        if as_text(identifier) != identifier:
            raise Unreadable(f"{record.place}: its id is not text that can be stored.")
        named = identifier
        if named in lines:
            raise Unreadable(f"{record.place}: the id {named!r} stands on line {lines[named]} already.")
        lines[named] = record.line
        return read(record)
    except Unreadable as error:
        return Refusal(named[:200], as_text(str(error)))


def records(path: Path, limit: int = MOST_BYTES) -> Iterator[Record | Refusal]:
    """Every record of a file, or what is wrong in its place. The file ends where it cannot be read any further."""
    place = path.name
    try:
        most = _most_unpacked(path)
        with _opened(path) as file:
            if _first_byte(file) == b"[":
                yield from _elements(file, place, min(limit, most))
            else:
                yield from _lines(file, place, limit, most)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield Refusal(place, f"{place}: the compressed data ends early or is damaged.")
    except OSError as error:
        yield Refusal(place, f"{place} cannot be read: {error.strerror or error}.")


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.name.endswith(".gz") else path.open("rb")


def _most_unpacked(path: Path) -> int:
    """The bytes that a file is read as far as."""
    size = os.stat(path).st_size
    return max(SUSPICIOUS_BYTES, SUSPICIOUS_RATIO * size) if path.name.endswith(".gz") else size + MOST_BYTES


def problem_from(record: Record, **fields: Any) -> Problem:
    """A Problem of `fields`. Raises Unreadable where one of them is impossible."""
    for name in ("title", "statement", "tags"):
        try:
            "".join(fields[name]).encode()
        except UnicodeEncodeError:
            raise Unreadable(f"{record.place}: its {name} is not valid Unicode.") from None
    try:
        return Problem(**fields)
    except ValidationError as error:
        raise Unreadable(f"{record.place}: {one_sentence(error)}") from None


def slug_of(prefix: str, identifier: str) -> str:
    """A reference made of an identifier, with "-" for "/". One that has to be changed more carries the beginning of
    its hash, so that different identifiers have different slugs."""
    slug = re.sub(r"[^A-Za-z0-9._:-]+", "-", f"{prefix}{identifier}").strip("-")
    if slug == f"{prefix}{identifier}".replace("/", "-") and len(slug) <= REFERENCE_LENGTH:
        return slug
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug[: REFERENCE_LENGTH - 9]}-{digest}"


def _first_byte(file: BinaryIO) -> bytes:
    """The first byte that is not white space or part of a byte order mark; the file is read from its start again."""
    head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    return head[:1]


def _lines(file: BinaryIO, place: str, limit: int, most: int) -> Iterator[Record | Refusal]:
    number = total = 0
    while line := file.readline(min(limit, most - total) + 1):
        number += 1
        total += len(line)
        here = f"{place}, line {number}"
        if len(line) > limit:
            yield Refusal(here, f"{here} is longer than {limit >> 20} MiB; nothing after it was read.")
            return
        if total > most:
            yield Refusal(here, f"{here}: the file unpacks to more than is believed; nothing from here on was read.")
            return
        if line := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield _record(line, here, number)


def _record(line: bytes, place: str, number: int) -> Record | Refusal:
    try:
        values = decode(line)
    except ValueError as error:
        return Refusal(place, f"{place} is not JSON: {error}.")
    if not isinstance(values, dict):
        return Refusal(place, f"{place} is {_kind(values)}, not an object.")
    return Record(values, place, number)


def _elements(file: BinaryIO, place: str, limit: int) -> Iterator[Record | Refusal]:
    data = file.read(limit + 1)
    if len(data) > limit:
        yield Refusal(place, f"{place} is an array of more than {limit >> 20} MiB: write it as JSON lines.")
        return
    try:
        for number, element in enumerate(elements(data), start=1):
            yield _record(element, f"{place}, element {number}", number)
    except ValueError as error:
        yield Refusal(place, f"{place} is not a whole JSON array: {error}.")


def _nothing(path: Path) -> Iterator[Refusal]:
    """The file held no readable record: where it is empty, nobody has said so yet."""
    try:
        empty = path.stat().st_size == 0
    except OSError:
        return
    if empty:
        yield Refusal(path.name, f"{path.name} is empty.")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
