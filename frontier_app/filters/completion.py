"""What can stand where somebody is typing: names of fields, operators, values, or what joins comparisons.

Reads the text before the cursor with the language's own tokens. Which values and keys there are is asked of `Known`,
so that whoever calls decides whose rows are looked at.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from frontier_app.filters.fields import Field, Fields
from frontier_app.filters.language import LONGEST, FilterError, Token, needs_quotes, quoted, tokens_of
from frontier_app.filters.rows import ALLOWED
from frontier_app.filters.values import Kind

MOST_ITEMS = 30
OPERATOR_HINTS = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "~": "matches the regular expression",
    "!~": "does not match",
    "in": "is one of",
    "not in": "is none of",
}


class Known(Protocol):
    """What rows have, as far as whoever types may know it."""

    def values_of(self, found: Field, typed: str) -> Iterable[str]:
        """The field's values that contain what is typed, as text, in the order in which they are offered."""

    def keys_of(self, found: Field) -> Iterable[str]:
        """The keys of a keyed field."""


class Item(NamedTuple):
    """`text` is what replaces the unfinished word, `kind` what it is: field, operator, value or joint."""

    text: str
    label: str
    hint: str
    kind: str


class Completion(NamedTuple):
    """`items` may each replace the text from `start` to `end`."""

    start: int
    end: int
    items: list[Item]


class _State(Enum):
    OPERAND = auto()
    AFTER_NAME = auto()
    VALUE = auto()
    BEFORE_LIST = auto()
    LIST = auto()
    LISTED = auto()
    AFTER_TERM = auto()


class _Place(NamedTuple):
    state: _State
    name: str = ""


def complete(text: str, at: int, fields: Fields, known: Known) -> Completion:
    """What can stand at the cursor. Empty where nothing is known, never an error."""
    text = text[:LONGEST]
    before, word, start = _split(text, max(0, min(at, len(text))))
    items = list(_items(_place(before, fields), word, fields, known))
    return Completion(start, _end(text, start, word), items[:MOST_ITEMS])


def _end(text: str, start: int, word: str) -> int:
    """Where the unfinished word ends, what stands after the cursor included."""
    end = start + len(word)
    if word and word[0] not in "\"'":
        while end < len(text) and not text[end].isspace() and text[end] not in "(),=<>!~":
            end += 1
    return end


def _split(text: str, at: int) -> tuple[Sequence[Token], str, int]:
    """The finished tokens before the cursor, the unfinished word and where it starts."""
    before = text[:at]
    try:
        tokens = tokens_of(before)[:-1]
    except FilterError as error:
        # A quotation mark is open: what follows it is the word.
        return tokens_of(before[: error.position])[:-1], before[error.position :], error.position
    last = tokens[-1] if tokens else None
    if last is not None and last.kind not in ("(", ")", ",", "operator") and last.position + last.length == at:
        return tokens[:-1], before[last.position :], last.position
    return tokens, "", at


def _place(tokens: Iterable[Token], fields: Fields) -> _Place:
    place = _Place(_State.OPERAND)
    for token in tokens:
        place = _after(place, token, fields)
    return place


def _after(place: _Place, token: Token, fields: Fields) -> _Place:
    state, name = place
    if state is _State.AFTER_NAME and token.kind == "operator":
        return _Place(_State.VALUE, name)
    if state is _State.AFTER_NAME and token.kind == "not":
        return _Place(_State.AFTER_NAME, name)
    if state is _State.AFTER_NAME and token.kind == "in":
        return _Place(_State.BEFORE_LIST, name)
    if state is _State.BEFORE_LIST and token.kind == "(":
        return _Place(_State.LIST, name)
    if state is _State.LIST:
        return _Place(_State.LISTED, name)
    if state is _State.LISTED and token.kind == ",":
        return _Place(_State.LIST, name)
    if state is _State.VALUE or token.kind == ")" or state is _State.LISTED:
        return _Place(_State.AFTER_TERM)
    if token.kind == "bare" and fields.find(token.text) is not None:
        return _Place(_State.AFTER_NAME, token.text)
    return _Place(_State.AFTER_TERM if token.is_word else _State.OPERAND)


def _items(place: _Place, word: str, fields: Fields, known: Known) -> Iterable[Item]:
    found = fields.find(place.name)
    if place.state in (_State.VALUE, _State.LIST):
        return [] if found is None else _values(found, word, known)
    if place.state is _State.LISTED:
        return [] if word else [Item(")", ")", "the end of the list", "joint"), Item(",", ",", "one more", "joint")]
    if place.state is _State.BEFORE_LIST:
        return [Item("(", "(", "the values, with commas between them", "joint")] if not word else []
    if place.state is _State.AFTER_NAME and found is not None:
        return _operators(found, word.lower())
    joints = [Item(one, one, hint, "joint") for one, hint in (("and", "both"), ("or", "either"))]
    if place.state is _State.AFTER_TERM:
        return [*(one for one in joints if one.text.startswith(word.lower())), *_names(word, fields, known)]
    return _names(word, fields, known)


def _operators(found: Field, word: str) -> Iterable[Item]:
    for operator in (*ALLOWED[found.kind], "in", "not in"):
        if operator.startswith(word):
            text = f"{operator} (" if operator.endswith("in") else operator
            yield Item(text, operator, OPERATOR_HINTS[operator], "operator")


def _names(word: str, fields: Fields, known: Known) -> Iterable[Item]:
    """Fields whose name begins with the word, then those that contain it; the keys of a keyed one after its dot."""
    head, dot, key = word.partition(".")
    if dot:
        for one in fields:
            if one.keyed and one.name == head:
                keys = [name for name in known.keys_of(one) if key.lower() in name.lower() and not needs_quotes(name)]
                yield from (Item(f"{head}.{name}", f"{head}.{name}", one.description, "field") for name in keys)
    wanted = word.lower()
    ranked = sorted(fields, key=lambda one: not one.name.startswith(wanted))
    for one in ranked:
        if wanted in one.name:
            name = f"{one.name}." if one.keyed else one.name
            yield Item(name, f"{name}…" if one.keyed else name, one.description, "field")
    if wanted and "not".startswith(wanted):
        yield Item("not", "not", "the opposite of what follows", "joint")


def _values(found: Field, word: str, rows: Known) -> Iterable[Item]:
    typed = word[1:] if word[:1] in ("'", '"') else word
    if found.choices:
        known: Iterable[str] = [one for one in found.choices if typed.lower() in one.lower()]
    elif found.kind is Kind.TRUTH:
        known = [one for one in ("true", "false") if one.startswith(typed.lower())]
    else:
        known = rows.values_of(found, typed) if found.suggested else []
    for one in known:
        yield Item(quoted(one) if _ambiguous(found, one) else one, one, "", "value")
    if typed and "none".startswith(typed.lower()):
        yield Item("none", "none", "rows without a value", "value")


def _ambiguous(found: Field, value: str) -> bool:
    return needs_quotes(value) or value.lower() == "none" or (found.kind is Kind.TEXT and value == "")
