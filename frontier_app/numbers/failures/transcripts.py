"""The transcript of one sample as a page shows it: turn by turn, each call beside what came back to it.

What a policy and its tools wrote is untrusted text of any length: it leaves here as text, never as markup, and where it
is long it is marked to be folded. Callers hold the right to read programs, which a transcript quotes. Reads no rows.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from compute.rollout.transcript import ENDS, CallRecord, Step, Transcript

# Outputs that are longer come folded, and so do the policy's own words and code, which may be longer.
OUTPUT_LINES, OUTPUT_CHARACTERS = 14, 1_200
OWN_LINES, OWN_CHARACTERS = 60, 6_000
# An argument of one of these names is code; so is whatever has several lines.
CODE_ARGUMENTS = ("code", "command", "text", "old", "new")
INLINE_CHARACTERS = 120
# Closed at the end of a line, which some models do on the last line of the code itself, or never.
FENCE = re.compile(r"^```[^\n`]*\n(.*?)(?:```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Text:
    """A text to show; `folded` where it is long, and then `first_line` says what it begins with."""

    text: str
    folded: bool = False
    is_code: bool = True

    @property
    def first_line(self) -> str:
        return next((line for line in self.text.splitlines() if line.strip()), "")[:INLINE_CHARACTERS]

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def size_bytes(self) -> int:
        return len(self.text.encode("utf-8", "replace"))


class Argument(NamedTuple):
    """`text` stands in the line; a `block` of its own does where there is one."""

    name: str
    text: str
    block: Text | None


@dataclass(frozen=True)
class ShownCall:
    """`problem`: why it was not run, empty for one that was. `name` is empty for a call that could not be read."""

    name: str
    problem: str
    arguments: Sequence[Argument]

    @property
    def inline(self) -> list[Argument]:
        return [one for one in self.arguments if one.block is None]

    @property
    def blocks(self) -> list[Argument]:
        return [one for one in self.arguments if one.block is not None]


@dataclass(frozen=True)
class Returned:
    """What came back. `role`: tool or user; `tool`: its name; `ended`: how, where that needs saying."""

    role: str
    tool: str
    ended: str
    text: Text


class Exchange(NamedTuple):
    """A call and its answer; either may be missing."""

    call: ShownCall | None
    returned: Returned | None


@dataclass(frozen=True)
class Turn:
    """`said` comes in pieces: prose, and code where it was fenced. What is left is None where nothing was told."""

    number: int
    said: Sequence[Text]
    exchanges: Sequence[Exchange]
    tokens: int
    cut_off: bool
    turns_left: int | None
    tokens_left: int | None

    @property
    def trouble(self) -> str:
        """What did not go as it should, in a few words; empty where all did."""
        calls = [one.call for one in self.exchanges if one.call is not None]
        if any(call.problem for call in calls):
            return "a call was not run"
        ended = [one.returned.ended for one in self.exchanges if one.returned is not None and one.returned.ended]
        return ended[0] if ended else "cut off" if self.cut_off else ""

    @property
    def in_words(self) -> str:
        """For the index of turns."""
        tools = dict.fromkeys(one.call.name for one in self.exchanges if one.call is not None and one.call.name)
        words = ", ".join(tools) or "no call"
        return f"turn {self.number}: {words}" + (f"; {self.trouble}" if self.trouble else "")


@dataclass(frozen=True)
class Shown:
    """`why`: how it ended, in a sentence. `opening`: the messages before the first turn."""

    setting: str
    ended: str
    why: str
    calls: int
    tokens: int
    opening: Sequence[tuple[str, Text]]
    turns: Sequence[Turn]


def shown(record: Transcript) -> Shown:
    first = next((place for place, step in enumerate(record.steps) if step.role == "assistant"), len(record.steps))
    turns = [_turn(number, steps) for number, steps in enumerate(_by_turn(record.steps[first:]), start=1)]
    return Shown(
        setting=record.setting,
        ended=record.ended,
        why=ENDS.get(record.ended, record.ended),
        calls=record.calls,
        tokens=sum(step.tokens for step in record.steps),
        opening=[(step.role, Text(_readable(step.text), is_code=False)) for step in record.steps[:first]],
        turns=turns,
    )


def _by_turn(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Each of the policy's messages with those that follow it."""
    number = 0

    def turn(step: Step) -> int:
        nonlocal number
        number += step.role == "assistant"
        return number

    for _, together in groupby(steps, turn):
        yield list(together)


def _turn(number: int, steps: Sequence[Step]) -> Turn:
    own, answers = steps[0], steps[1:]
    told = next((step for step in reversed(answers) if step.turns_left is not None), None)
    return Turn(
        number=number,
        said=list(_pieces(_readable(own.text))),
        exchanges=_exchanges([_call(one) for one in own.calls], [_returned(step) for step in answers]),
        tokens=own.tokens,
        cut_off=own.finish == "length",
        turns_left=told.turns_left if told else None,
        tokens_left=told.tokens_left if told else None,
    )


def _exchanges(calls: Sequence[ShownCall], answers: Sequence[Returned]) -> list[Exchange]:
    """Side by side where every call was answered, which is in their order; else one after the other."""
    if len(calls) == len(answers):
        return [Exchange(call, answer) for call, answer in zip(calls, answers, strict=True)]
    return [*(Exchange(call, None) for call in calls), *(Exchange(None, answer) for answer in answers)]


def _call(record: CallRecord) -> ShownCall:
    named = sorted(record.arguments.items(), key=lambda one: _place(one[0]))
    arguments = [_argument(*one) for one in named]
    return ShownCall(_readable(record.name), _readable(record.problem), arguments)


def _place(name: str) -> int:
    """What is replaced before what takes its place, and whatever else after that, as it was written."""
    return CODE_ARGUMENTS.index(name) if name in CODE_ARGUMENTS else len(CODE_ARGUMENTS)


def _argument(name: str, value: object) -> Argument:
    text = _readable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    block = name in CODE_ARGUMENTS or "\n" in text or len(text) > INLINE_CHARACTERS
    return Argument(_readable(name), text, _own(text) if block else None)


def _returned(step: Step) -> Returned:
    text = _text(_readable(step.text), OUTPUT_LINES, OUTPUT_CHARACTERS)
    return Returned(step.role, _readable(step.tool), _readable(step.ended), text)


def _pieces(text: str) -> Iterator[Text]:
    """Prose and fenced code in turn, without what is blank."""
    at = 0
    for fence in FENCE.finditer(text):
        yield from _prose(text[at : fence.start()])
        yield _own(fence[1].rstrip("\n"))
        at = fence.end()
    yield from _prose(text[at:])


def _prose(text: str) -> Iterator[Text]:
    if text.strip():
        yield _own(text.strip("\n"), is_code=False)


def _own(text: str, is_code: bool = True) -> Text:
    return _text(text, OWN_LINES, OWN_CHARACTERS, is_code)


def _text(text: str, lines: int, characters: int, is_code: bool = True) -> Text:
    return Text(text, len(text) > characters or text.count("\n") > lines, is_code)


def _readable(text: str) -> str:
    """A zero byte, which no page can hold, as its sign."""
    return text.replace("\x00", "␀")
