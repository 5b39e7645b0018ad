"""What JSON text holds, told from its strings and brackets, before anything is built of it.

A list of nothing costs thirty times the two letters that it takes in a file, so the values of a text are counted first.
Broken JSON is not found out here; the parser says what is wrong with it. Strings are matched without going back, so
that every text takes linear time.
"""

import re
from collections.abc import Iterator

MOST_VALUES = 1 << 20
_MOST_TOKENS = 1 << 20
# A string, closed or not, and whether a colon follows it; or a mark outside of strings.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?\\?(\s*+:)?|[\[\]{},]', re.DOTALL)
_TOKEN_OF_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"?\\?|[\[{,]', re.DOTALL)
_TOKEN_OF_BYTES = re.compile(_TOKEN_OF_TEXT.pattern.encode(), re.DOTALL)
_QUOTE, _COMMA, _BRACKET = b'",['
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")


def has_more_values(text: str | bytes, most: int) -> bool:
    """Whether a text has more than `most` lists, objects, elements and pairs, or strings."""
    if isinstance(text, str):
        if sum(map(text.count, ",[{")) <= most:
            return False
        quotes = (token[0][0] == '"' for token in _TOKEN_OF_TEXT.finditer(text))
    else:
        if sum(map(text.count, (b",", b"[", b"{"))) <= most:
            return False
        quotes = (token[0][0] == _QUOTE for token in _TOKEN_OF_BYTES.finditer(text))
    counts = [0, 0]
    for is_string in quotes:
        counts[is_string] += 1
        if counts[is_string] > most:
            return True
    return False


def elements(data: bytes) -> Iterator[bytes]:
    """The text of each element of an array. Raises ValueError, in words, where the array does not end as it should."""
    depth = start = found = 0
    for token in _TOKEN.finditer(data):
        mark = data[token.start()]
        if mark in _OPENING:
            depth += 1
            start = token.end() if depth == 1 else start
        elif mark in _CLOSING:
            depth -= 1
        if depth == 0 or (depth == 1 and mark == _COMMA):
            element = data[start : token.start()]
            if found or depth or element.strip():
                yield element
            found, start = found + 1, token.end()
        if depth == 0:
            if data[token.end() :].strip():
                raise ValueError(f"something follows its end at byte {token.end()}")
            return
    raise ValueError("it ends early")


def first_keys(head: bytes) -> Iterator[str]:
    """The keys, as far as they are plain ASCII, of the object that a text begins with, or the array that it begins
    with. `head` may end anywhere."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    inside = 2 if text.startswith(b"[") else 1
    if not text[inside - 1 :].lstrip().startswith(b"{"):
        return
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(text)):
        mark = text[token.start()]
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
            if depth < inside:
                break
        elif mark == _QUOTE and depth == inside and token[1]:
            yield text[token.start() + 1 : token.start(1) - 1].decode("ascii", "replace")
        if count > _MOST_TOKENS:
            break
