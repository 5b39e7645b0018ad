"""From a filter's text to the rows it selects.

Two-valued: a comparison with a value that a row does not have is false, so its negation is true, and `!=`, `!~` and
`not in` are the negations of `=`, `~` and `in`. Negation is pushed down to the comparisons, which keeps the others as
plain conditions that an index can answer.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import BooleanField, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IContains,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Lookup,
    Regex,
)

from frontier_app.filters.fields import Field, Fields
from frontier_app.filters.json_conditions import JsonHasContent, JsonHasMatch, JsonHasValue
from frontier_app.filters.language import (
    And,
    Comparison,
    Expression,
    FilterError,
    Membership,
    Name,
    Not,
    Or,
    Search,
    Word,
    parse,
)
from frontier_app.filters.patterns import pattern_of
from frontier_app.filters.values import Kind, date_of, is_missing, mistake, number_of, truth_of

ORDERED: "dict[str, type[Lookup[Any]]]" = {
    "=": Exact,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
}
NEGATED = {"!=": "=", "!~": "~"}
ALLOWED = {
    Kind.TEXT: ("=", "!=", "~", "!~"),
    Kind.WORDS: ("=", "!=", "~", "!~"),
    Kind.TRUTH: ("=", "!="),
    Kind.NUMBER: ("!=", *ORDERED),
    Kind.DATE: ("!=", *ORDERED),
    Kind.FREE: ("!=", "~", "!~", *ORDERED),
}
LONGEST_CLOSE_LIST = 6


def compile_filter(text: str, fields: Fields) -> Q:
    """The condition that a filter sets on rows of one kind; `Q()` for an empty filter. Raises FilterError."""
    try:
        tree = parse(text)
        return Q() if tree is None else _condition(tree, fields, True)
    except FilterError as error:
        error.text = text
        raise


def _condition(tree: Expression, fields: Fields, wanted: bool) -> Q:
    """The rows for which `tree` is `wanted`."""
    if isinstance(tree, Not):
        return _condition(tree.operand, fields, not wanted)
    if isinstance(tree, And | Or):
        parts = [_condition(one, fields, wanted) for one in tree.operands]
        return reduce(and_ if isinstance(tree, And) == wanted else or_, parts)
    if isinstance(tree, Search):
        return _settled(_search(tree.word, fields), wanted)
    found = find_field(tree.name, fields)
    if isinstance(tree, Membership):
        return _settled(_membership(found, tree), wanted != tree.negated)
    operator = NEGATED.get(tree.operator, tree.operator)
    return _settled(_comparison(found, operator, tree), wanted == (operator == tree.operator))


def _settled(condition: Q, wanted: bool) -> Q:
    return condition if wanted else ~Q(_certain(condition))


def _certain(condition: Q) -> Combinable:
    """What is neither true nor false counts as false."""
    return Coalesce(condition, Value(False), output_field=BooleanField())


def _search(word: Word, fields: Fields) -> Q:
    if not word.text:
        raise mistake(word, "There is nothing between these quotation marks to search for")
    found = (fields.find(name) for name in fields.searched)
    return reduce(or_, (Q(IContains(one.expression, word.text)) for one in found if one is not None))


def find_field(name: Name, fields: Fields) -> Field:
    """The field that is meant. Raises FilterError, which names the ones whose names are close."""
    if (found := fields.find(name.text)) is not None:
        return found
    keyed = next((one for one in fields if one.keyed and one.name == name.text.rstrip(".")), None)
    if keyed is not None:
        raise _unknown(name, f"{keyed.name} needs a key after a dot: {keyed.description}")
    names = [one.name for one in fields]
    head, dot, key = name.text.partition(".")
    close = get_close_matches(head.lower(), names, LONGEST_CLOSE_LIST // 2, 0.6)
    close += [one for one in names if len(head) > 2 and head.lower() in one and one not in close]
    if close:
        meant = " or ".join(f"{one}.{key}" if dot and key and _is_keyed(fields, one) else one for one in close[:3])
        raise _unknown(name, f"{fields.rows.capitalize()} have no field {name.text}; did you mean {meant}?")
    listed = ", ".join(f"{one.name}.…" if one.keyed else one.name for one in fields)
    raise _unknown(name, f"{fields.rows.capitalize()} have no field {name.text}; there are {listed}")


def _is_keyed(fields: Fields, name: str) -> bool:
    return any(one.keyed for one in fields if one.name == name)


def _unknown(name: Name, sentence: str) -> FilterError:
    end = "" if sentence.endswith("?") else "."
    return FilterError(f"{sentence}{end}", name.position, len(name.text))


def _comparison(found: Field, operator: str, tree: Comparison) -> Q:
    word = tree.value
    if tree.operator not in ALLOWED[found.kind]:
        raise mistake(
            word, f"{found.name} is {_in_words(found)}: {tree.operator} does not apply, {_applying(found)} do"
        )
    if operator == "~":
        return _matches(found, pattern_of(word))
    if is_missing(word):
        if operator != "=":
            raise mistake(word, f"none is no value to be {operator}; write {found.name} = none")
        return _is_missing(found)
    return OF_KIND[found.kind](found, operator, [word])


def _membership(found: Field, tree: Membership) -> Q:
    words = [word for word in tree.values if not is_missing(word)]
    parts = [_is_missing(found)] if len(words) < len(tree.values) else []
    if words:
        parts.append(OF_KIND[found.kind](found, "=", words))
    return reduce(or_, parts)


def _in_words(found: Field) -> str:
    return {Kind.TEXT: "text", Kind.NUMBER: "a number", Kind.DATE: "a date", Kind.WORDS: "a list of words"}.get(
        found.kind, found.kind.value
    )


def _applying(found: Field) -> str:
    return f"{' '.join(ALLOWED[found.kind])} and in"


# One function a kind: the rows in which the field stands to one of the words as the operator says.


def _text(found: Field, operator: str, words: Sequence[Word]) -> Q:
    values = [_chosen(found, word) if found.choices else word.text for word in words]
    return Q(_equal(found.expression, values))


def _chosen(found: Field, word: Word) -> str:
    """The stored value of one that is written."""
    if word.text in found.choices:
        return found.choices[word.text]
    close = get_close_matches(word.text.lower(), found.choices, 1, 0.5)
    meant = f"did you mean {close[0]}?" if close else f"it is one of {', '.join(found.choices)}."
    raise FilterError(f"{found.name} is never {word.text or 'empty'}; {meant}", word.position, word.length)


def _number(found: Field, operator: str, words: Sequence[Word]) -> Q:
    """Compared as exact decimals, which neither whole nor floating numbers can overflow."""
    numbers = [Value(_needed_number(found, word)) for word in words]
    return reduce(or_, (Q(ORDERED[operator](found.expression, number)) for number in numbers))


def _needed_number(found: Field, word: Word) -> Decimal:
    number = number_of(word, found.unit)
    if number is None:
        raise mistake(word, f"{found.name} is a number, and {word.text or 'this'} is none")
    return number


def _truth(found: Field, operator: str, words: Sequence[Word]) -> Q:
    values = []
    for word in words:
        if (value := truth_of(word)) is None:
            raise mistake(word, f"{found.name} is either true or false")
        values.append(value)
    return Q(_equal(found.expression, values))


def _date(found: Field, operator: str, words: Sequence[Word]) -> Q:
    """A date is the whole span that was written: `> 2026-11` begins with December."""
    spans = [date_of(word) for word in words]
    stored = found.expression
    if operator == "=":
        return reduce(or_, (Q(GreaterThanOrEqual(stored, start)) & Q(LessThan(stored, end)) for start, end in spans))
    (start, end) = spans[0]
    if operator in ("<", ">="):
        return Q(ORDERED[operator](stored, start))
    return Q(GreaterThanOrEqual(stored, end) if operator == ">" else LessThan(stored, end))


def _words(found: Field, operator: str, words: Sequence[Word]) -> Q:
    values = [json.dumps(_chosen(found, word) if found.choices else word.text) for word in words]
    return Q(JsonHasValue(_column(found), found.keys, "==", values))


def _free(found: Field, operator: str, words: Sequence[Word]) -> Q:
    """What a configuration has decides: a number is compared with numbers, text with text."""
    values = [_free_value(word) for word in words]
    return Q(JsonHasValue(_column(found), found.keys, "==" if operator == "=" else operator, values))


def _free_value(word: Word) -> str:
    """The word as JSON."""
    if (truth := truth_of(word)) is not None:
        return json.dumps(truth)
    try:
        number = number_of(word)
    except FilterError:
        number = None  # 32B is a name here
    return json.dumps(word.text) if number is None else str(number)


OF_KIND: dict[Kind, Callable[[Field, str, Sequence[Word]], Q]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.TRUTH: _truth,
    Kind.DATE: _date,
    Kind.WORDS: _words,
    Kind.FREE: _free,
}


def _matches(found: Field, pattern: str) -> Q:
    if found.kind in (Kind.WORDS, Kind.FREE):
        return Q(JsonHasMatch(_column(found), found.keys, pattern))
    return Q(Regex(found.expression, pattern))


def _is_missing(found: Field) -> Q:
    if found.kind in (Kind.WORDS, Kind.FREE):
        return ~Q(_certain(Q(JsonHasContent(_column(found), found.keys))))
    stored = found.expression
    missing = Q(IsNull(stored, True))
    return missing | Q(Exact(stored, Value(""))) if found.kind is Kind.TEXT else missing


def _equal(stored: Combinable, values: Sequence[Any]) -> "Lookup[Any]":
    return Exact(stored, Value(values[0])) if len(values) == 1 else In(stored, list(values))


def _column(found: Field) -> F:
    assert isinstance(found.source, str)
    return F(found.source)
