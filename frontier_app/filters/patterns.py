"""Regular expressions of filters: what PostgreSQL may be asked to match.

The database matches, so the database says whether a pattern is one; a pattern that would be dear to compile or to
match (back references, large counted repetitions) is refused before. `frontier_app.filters.patience` bounds the rest.
"""

import re
from functools import lru_cache

from django.db import DataError, connection

from frontier_app.filters.language import Word
from frontier_app.filters.patience import TookTooLong, patience
from frontier_app.filters.values import mistake

LONGEST_PATTERN, MOST_REPEATS, MOST_COUNTED_PARTS = 200, 100, 4
COMPILE_SECONDS = 0.5
_COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_ESCAPED = re.compile(r"\\[^\d{}]")


def pattern_of(word: Word) -> str:
    """The word as a pattern that the database can match. Raises FilterError."""
    text = word.text
    if not text:
        raise mistake(word, "An empty pattern matches everything; leave the comparison out")
    if len(text) > LONGEST_PATTERN:
        raise mistake(word, f"A pattern has at most {LONGEST_PATTERN} letters; this one has {len(text)}")
    if text.startswith("***"):
        raise mistake(word, "A pattern cannot start with ***")
    plain = _ESCAPED.sub("", text)
    if _BACK_REFERENCE.search(plain):
        raise mistake(word, "A pattern cannot refer back to one of its groups")
    counted = _COUNTED.findall(plain)
    if any(int(number) > MOST_REPEATS for pair in counted for number in pair if number):
        raise mistake(word, f"A part of a pattern can be repeated {MOST_REPEATS} times at most; use * or +")
    if len(counted) > MOST_COUNTED_PARTS:
        raise mistake(word, f"A pattern has at most {MOST_COUNTED_PARTS} counted repetitions")
    if trouble := _trouble(text):
        raise mistake(word, f"This is no regular expression: {trouble}")
    return text


def _trouble(pattern: str) -> str:
    """What PostgreSQL says against a pattern, "" for nothing."""
    try:
        _try_out(pattern)
    except TookTooLong:
        return "it takes too long to read"
    except DataError as error:
        return str(error).splitlines()[0].removeprefix("invalid regular expression:").strip()
    return ""


@lru_cache(maxsize=1024)
def _try_out(pattern: str) -> None:
    """Only what succeeded is remembered."""
    with patience(COMPILE_SECONDS), connection.cursor() as cursor:
        cursor.execute("SELECT 'x' ~ %s", [pattern])
