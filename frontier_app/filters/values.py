"""From a word of a filter to a value of a field's kind: numbers with units, dates, true and false.

Everything here raises FilterError with the place of the word. Nothing knows rows or fields.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from frontier_app.filters.language import FilterError, Word


class Kind(StrEnum):
    """What a field holds. `words`: a list of texts. `free`: whatever a configuration has under that key."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "true or false"
    DATE = "date"
    WORDS = "list of words"
    FREE = "any value"


MISSING = "none"
TRUTHS = {"true": True, "false": False}
SCALES: dict[str, Decimal | int] = {
    "": 1,
    "%": Decimal("0.01"),
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
UNITS: dict[str, dict[str, Decimal | int]] = {
    "": {},
    "seconds": {"ms": Decimal("0.001"), "s": 1, "min": 60, "h": 3600, "d": 86400},
    "bytes": {
        **{"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
        **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40},
    },
}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?)([A-Za-z%]*)", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)?)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
LARGEST_EXPONENT = 300


def is_missing(word: Word) -> bool:
    return not word.quoted and word.text.lower() == MISSING


def truth_of(word: Word) -> bool | None:
    """True, False, or None for a word that is neither."""
    return None if word.quoted else TRUTHS.get(word.text.lower())


def number_of(word: Word, unit: str = "") -> Decimal | None:
    """The number that is written, in the field's unit; None for a word that is none.

    Raises FilterError for a number with another unit and for one too large or too small for any row.
    """
    found = None if word.quoted else _NUMBER.fullmatch(word.text)
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2]
    known = SCALES | UNITS[unit]
    if suffix not in known:
        wanted = f"in {unit}: {', '.join(UNITS[unit])}" if unit else "without a unit, or with k, M, G, T or %"
        raise mistake(word, f"{suffix} is no unit here; the number is {wanted}")
    if number and abs(number.adjusted()) > LARGEST_EXPONENT:
        raise mistake(word, "This number is beyond what can be compared")
    return number * known[suffix]


def date_of(word: Word) -> tuple[datetime, datetime]:
    """The span of time that is written, [start, end) in UTC: a year, a month, a day, a minute or a second."""
    found = _DATE.fullmatch(word.text.strip())
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (None if part is None else int(part) for part in found.groups()[:6])
        start = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        if found[7] and found[7] != "Z":
            offset = datetime.strptime(found[7], "%z").utcoffset()
            start -= offset or timedelta()
        return start, start + _span(start, month, day, hour, second)
    except (ValueError, OverflowError):
        raise mistake(word, f"{word.text} is no date; write 2026-11-27 or 2026-11-27T14:30") from None


def _span(start: datetime, month: int | None, day: int | None, hour: int | None, second: int | None) -> timedelta:
    if second is not None:
        return timedelta(seconds=1)
    if hour is not None:
        return timedelta(minutes=1)
    if day is not None:
        return timedelta(days=1)
    if month is not None:
        return timedelta(days=monthrange(start.year, start.month)[1])
    return timedelta(days=366 if monthrange(start.year, 2)[1] == 29 else 365)


def mistake(word: Word, sentence: str) -> FilterError:
    return FilterError(f"{sentence}.", word.position, word.length)
