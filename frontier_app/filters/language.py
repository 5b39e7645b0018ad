"""The filter language: its text, its syntax tree and the way between them.

    expression   = conjunction { "or" conjunction }
    conjunction  = negation { ["and"] negation }
    negation     = "not" negation | "(" expression ")" | comparison | word
    comparison   = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" ) value
                 | field ["not"] "in" "(" value { "," value } ")"

A word is a run of characters without spaces, parentheses, commas, quotation marks and operators, or anything between
quotation marks, of which a doubled one stands for itself. A word alone searches the name. Words that follow one
another are joined by "and", which binds more closely than "or". `and or not in` are written in small or capital
letters and have to be quoted where they are searched for.

`none` is written for no value. A comparison with a value that is not there is false, and its negation true: see
`frontier_app.filters`.

What a field or a value means is not known here: `frontier_app.filters.rows` finds fields and types values. The text,
the nesting and the number of terms are bounded, so that no filter can exhaust the parser or the database's planner.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

LONGEST, DEEPEST, MOST_TERMS = 2000, 25, 100
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
KEYWORDS = ("and", "or", "not", "in")
# Written by habit from other languages, with what is meant.
FOREIGN = {"==": "=", "<>": "!=", "=~": "~", "~=": "~", "=<": "<=", "=>": ">=", "!": "not", "&&": "and", "||": "or"}
_BARE = r"[^\s()=<>!~,\"']"
_TOKEN = re.compile(
    rf"""(?P<space>\s+) | (?P<mark>[(),]) | (?P<operator>[=<>!~]+) | (?P<bare>{_BARE}+)
    | (?P<quoted>"(?:[^"]|"")*" | '(?:[^']|'')*')""",
    re.VERBOSE,
)
_UNHEARD_OF = re.compile("[\x00\ud800-\udfff]")


class FilterError(ValueError):
    """A filter that cannot be read or answered: one sentence, and the place of the mistake in `text`, which is ""
    where no place is to blame."""

    def __init__(self, message: str, position: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.text = ""
        self.position = position
        self.length = max(1, length)

    @property
    def marked(self) -> str:
        """The text around the mistake, with carets on a second line."""
        return self.excerpt(self.text)

    def excerpt(self, text: str, width: int = 72) -> str:
        """The part of `text` around the mistake, with carets on a second line."""
        start = max(0, min(self.position - width // 2, len(text) - width))
        shown = "".join(letter if letter.isprintable() else " " for letter in text[start : start + width])
        length = max(1, min(self.length, start + len(shown) - self.position))
        return f"{shown}\n{' ' * (self.position - start)}{'^' * length}"


@dataclass(frozen=True)
class Word:
    """A value as it is written; `quoted` says that it can only be text."""

    text: str
    quoted: bool = False
    position: int = field(default=0, compare=False)
    length: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Name:
    """The name of a field, perhaps with keys after dots."""

    text: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Search:
    """A word alone."""

    word: Word


@dataclass(frozen=True)
class Comparison:
    name: Name
    operator: str
    value: Word


@dataclass(frozen=True)
class Membership:
    name: Name
    values: tuple[Word, ...]
    negated: bool = False


@dataclass(frozen=True)
class Not:
    operand: "Expression"


@dataclass(frozen=True)
class And:
    """At least two operands, none of which is an And."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True)
class Or:
    """At least two operands, none of which is an Or."""

    operands: tuple["Expression", ...]


Expression = Search | Comparison | Membership | Not | And | Or


def all_of(operands: list[Expression]) -> Expression:
    """The conjunction of one or more expressions, flat."""
    flat = [inner for one in operands for inner in (one.operands if isinstance(one, And) else (one,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(operands: list[Expression]) -> Expression:
    """The disjunction of one or more expressions, flat."""
    flat = [inner for one in operands for inner in (one.operands if isinstance(one, Or) else (one,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def parse(text: str) -> Expression | None:
    """The syntax tree of a filter; None for one that is empty. Raises FilterError."""
    if len(text) > LONGEST:
        raise FilterError(f"A filter has at most {LONGEST} letters; this one has {len(text)}.", LONGEST)
    if found := _UNHEARD_OF.search(text):
        raise FilterError("This letter cannot occur in any text.", found.start())
    tokens = tokens_of(text)
    return None if len(tokens) == 1 else _Parser(tokens).whole()


class Token(NamedTuple):
    """`kind`: bare, quoted, operator, end, or the keyword or mark itself."""

    kind: str
    text: str
    position: int
    length: int

    @property
    def is_word(self) -> bool:
        return self.kind in ("bare", "quoted")


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, the last of which is its end. Raises FilterError."""
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise FilterError("This quotation mark is never closed.", at)
        kind, written, at = str(found.lastgroup), found.group(), found.end()
        if kind == "quoted":
            inside = written[1:-1].replace(written[0] * 2, written[0])
            yield Token(kind, inside, found.start(), len(written))
        elif kind == "mark":
            yield Token(written, written, found.start(), 1)
        elif kind == "operator":
            yield _operator(written, found.start())
        elif kind == "bare":
            yield _bare(written, found.start())
    yield Token("end", "", len(text), 1)


def _operator(written: str, position: int) -> Token:
    if written in OPERATORS:
        return Token("operator", written, position, len(written))
    meant = f"; write {FOREIGN[written]} instead" if written in FOREIGN else f": there are {' '.join(OPERATORS)}"
    raise FilterError(f"{written} is no operator{meant}.", position, len(written))


def _bare(written: str, position: int) -> Token:
    if written in FOREIGN:
        raise FilterError(f"{written} is no operator; write {FOREIGN[written]} instead.", position, len(written))
    keyword = written.lower() if written in (written.lower(), written.upper()) else ""
    kind = keyword if keyword in KEYWORDS else "bare"
    return Token(kind, written, position, len(written))


class _Parser:
    """Recursive descent; `depth` counts what is open."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.terms = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Expression:
        found = self.disjunction()
        if self.next.kind == ")":
            raise self.mistake("There is no parenthesis that this one closes")
        if self.next.kind != "end":
            raise self.mistake("Here a comparison, a word, and, or, or the end was expected")
        return found

    def disjunction(self) -> Expression:
        operands = [self.conjunction()]
        while self.next.kind == "or":
            self.take()
            operands.append(self.conjunction())
        return any_of(operands)

    def conjunction(self) -> Expression:
        operands = [self.negation()]
        while self.next.is_word or self.next.kind in ("and", "not", "("):
            if self.next.kind == "and":
                self.take()
            operands.append(self.negation())
        return all_of(operands)

    def negation(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.mistake(f"A filter may be nested {DEEPEST} deep and no deeper")
        if self.next.kind == "not":
            self.take()
            found: Expression = Not(self.negation())
        elif self.next.kind == "(":
            found = self.parenthesis()
        else:
            found = self.term()
        self.depth -= 1
        return found

    def parenthesis(self) -> Expression:
        opened = self.take()
        if self.next.kind == ")":
            raise self.mistake("There is nothing between these parentheses")
        found = self.disjunction()
        if self.next.kind != ")":
            if self.next.kind == "end":
                raise FilterError("This parenthesis is never closed.", opened.position)
            raise self.mistake("Here and, or, or a closing parenthesis was expected")
        self.take()
        return found

    def term(self) -> Expression:
        first = self.take_word("a comparison or a word")
        following, after = self.next.kind, self.tokens[min(self.at + 1, len(self.tokens) - 1)].kind
        if following not in ("operator", "in") and (following, after) != ("not", "in"):
            self.count()
            return Search(_word(first))
        if first.kind == "quoted":
            raise FilterError("A comparison starts with the name of a field, unquoted.", first.position, first.length)
        name = Name(first.text, first.position)
        if following == "operator":
            operator = self.take().text
            self.count()
            return Comparison(name, operator, _word(self.take_word(f"a value after {operator}")))
        negated = self.take().kind == "not"
        if negated:
            self.take()
        return Membership(name, self.values(), negated)

    def values(self) -> tuple[Word, ...]:
        if self.next.kind != "(":
            raise self.mistake("Values after in stand between parentheses, with commas between them")
        opened, found = self.take(), []
        while True:
            self.count()
            found.append(_word(self.take_word("a value", opened)))
            if self.next.kind == ")":
                self.take()
                return tuple(found)
            if self.next.kind != ",":
                if self.next.kind == "end":
                    raise FilterError("This parenthesis is never closed.", opened.position)
                raise self.mistake("Here a comma or a closing parenthesis was expected")
            self.take()

    def take_word(self, wanted: str, opened: Token | None = None) -> Token:
        if self.next.is_word:
            return self.take()
        if self.next.kind == "end" and opened is not None:
            raise FilterError("This parenthesis is never closed.", opened.position)
        if self.next.kind in KEYWORDS:
            raise self.mistake(f'Here {wanted} was expected; to search for the word itself, write "{self.next.text}"')
        raise self.mistake(f"Here {wanted} was expected")

    def count(self) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise self.mistake(f"A filter has at most {MOST_TERMS} comparisons, words and values")

    def mistake(self, sentence: str) -> FilterError:
        return FilterError(f"{sentence}.", self.next.position, self.next.length)


def _word(token: Token) -> Word:
    return Word(token.text, token.kind == "quoted", token.position, token.length)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def needs_quotes(text: str) -> bool:
    """Whether a text that stands alone would be read as something else."""
    return re.fullmatch(f"{_BARE}+", text) is None or text.lower() in KEYWORDS or text in FOREIGN
