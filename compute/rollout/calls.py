"""Tool calls in a model's text: the notations that the common families of models write, each read by one function.

The notation is recognised by its own marks, so that no configuration has to name it. What begins as a call and cannot
be read is a `Broken` with a reason, never an exception and never a guess. Notations, as the families' chat templates
write them:

    hermes    <tool_call>{"name": "bash", "arguments": {...}}</tool_call>            Qwen 2.5 and 3, Hermes
    function  <function=bash><parameter=command>ls</parameter></function>            Qwen 3 Coder
    tagged    <tool: bash>ls</tool>                                                  CWM, and the miniature
    llama     <|python_tag|>{"name": "bash", "parameters": {...}}                    Llama 3
    mistral   [TOOL_CALLS][{"name": "bash", "arguments": {...}}]  or  [TOOL_CALLS]bash[ARGS]{...}
    deepseek  <｜tool▁call▁begin｜>function<｜tool▁sep｜>bash ```json {...}``` <｜tool▁call▁end｜>
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple


class Call(NamedTuple):
    """`arguments`: name -> value. `place`: where it begins in the text."""

    name: str
    arguments: Mapping[str, Any]
    place: int = 0


class Broken(NamedTuple):
    """A call that cannot be read, and why, as a part of a sentence."""

    reason: str
    place: int = 0


class Parsed(NamedTuple):
    """`content`: what was written before the first call. `calls`: in the order of writing."""

    content: str
    calls: Sequence[Call | Broken]


Found = Iterator[Call | Broken]
Fields = Mapping[str, Sequence[str]]


def parse(text: str, fields: Fields) -> Parsed:
    """The calls of `text`, at most `MOST_CALLS`. `fields`: of each tool the names of its arguments, which the tagged
    notation leaves out."""
    for mark, read in NOTATIONS.items():
        if mark in text:
            before = text[: text.index(mark)].removesuffix("<｜tool▁calls▁begin｜>")
            return Parsed(before.rstrip(), list(islice(read(text, fields), MOST_CALLS)))
    bare = _bare(text)
    return Parsed("", [bare]) if bare else Parsed(text, [])


def in_hermes(name: str, arguments: str) -> str:
    """A call whose arguments are JSON already, as `parse` reads it."""
    return f'<tool_call>\n{{"name": {json.dumps(name)}, "arguments": {arguments or "{}"}}}\n</tool_call>'


def _hermes(text: str, fields: Fields) -> Found:
    for place, body in _between(text, "<tool_call>", "</tool_call>"):
        if body is None:
            yield Broken("it is not closed by </tool_call>", place)
        elif "<function=" in body:
            yield from _functions(body, place)
        else:
            yield _from_json(body, place)


def _function(text: str, fields: Fields) -> Found:
    yield from _functions(text, 0)


def _functions(text: str, offset: int) -> Found:
    for place, body in _between(text, "<function=", "</function>"):
        name, closed, rest = (body or "").partition(">")
        if body is None or not closed:
            yield Broken("it is not closed by </function>", offset + place)
            continue
        arguments = {}
        for _, parameter in _between(rest, "<parameter=", "</parameter>"):
            key, _, value = (parameter or "").partition(">")
            arguments[key.strip()] = value.removeprefix("\n").removesuffix("\n")
        yield Call(name.strip(), arguments, offset + place)


def _tagged(text: str, fields: Fields) -> Found:
    for place, body in _between(text, "<tool: ", "</tool>"):
        head, closed, rest = (body or "").partition(">")
        name, _, argument = head.partition(" ")
        if body is None or not closed:
            yield Broken("it is not closed by </tool>", place)
        elif name not in fields:
            yield Call(name, {}, place)
        else:
            yield _untagged(name, argument.strip(), rest.removeprefix("\n").removesuffix("\n"), fields[name], place)


def _untagged(name: str, argument: str, rest: str, names: Sequence[str], place: int) -> Call | Broken:
    """The head's word is the first of several arguments; of the body two are parted by a line `=======`."""
    in_body = list(names)
    arguments: dict[str, Any] = {}
    if argument or len(names) > 1:
        arguments[in_body.pop(0)] = argument
    if len(in_body) == 2:
        old, parted, new = _lines_parted(rest)
        if not parted:
            return Broken(f"{in_body[0]} and {in_body[1]} are not parted by a line {DIVIDER}", place)
        arguments |= {in_body[0]: old, in_body[1]: new}
    elif in_body:
        arguments[in_body[0]] = rest
    return Call(name, arguments, place)


def _lines_parted(text: str) -> tuple[str, bool, str]:
    lines = text.split("\n")
    if DIVIDER not in lines:
        return text, False, ""
    where = lines.index(DIVIDER)
    return "\n".join(lines[:where]), True, "\n".join(lines[where + 1 :])


def _llama(text: str, fields: Fields) -> Found:
    place = text.index("<|python_tag|>")
    body = re.sub(r"<\|e(?:om|ot)_id\|>\s*$", "", text[place + len("<|python_tag|>") :])
    for part in body.split(";") if body.count('"name"') > 1 else [body]:
        yield _from_json(part, place)


def _mistral(text: str, fields: Fields) -> Found:
    place = text.index("[TOOL_CALLS]")
    body = text[place:].replace("</s>", "")
    if "[ARGS]" in body:
        for part in body.split("[TOOL_CALLS]")[1:]:
            name, _, arguments = part.partition("[ARGS]")
            yield _from_parts(name.split("[CALL_ID]")[0].strip(), arguments, place)
        return
    listed = _decoded(body.removeprefix("[TOOL_CALLS]"))
    if not isinstance(listed, list):
        yield Broken("its JSON is broken", place)
        return
    for one in listed:
        yield _from_object(one, place)


def _deepseek(text: str, fields: Fields) -> Found:
    for place, body in _between(text, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"):
        before, parted, after = (body or "").partition("<｜tool▁sep｜>")
        if body is None or not parted:
            yield Broken("it is not closed by <｜tool▁call▁end｜>", place)
            continue
        fenced = re.match(r"\s*([^\s`{]+)\s*```(?:json)?\n(.*?)```", after, re.DOTALL)
        name, arguments = fenced.groups() if fenced else (before.strip(), after)
        yield _from_parts(name, arguments, place)


def _bare(text: str) -> Call | None:
    """A text that is nothing but a call's JSON, as the smaller Llama models write."""
    if not text.lstrip().startswith("{"):
        return None
    found = _decoded(text.strip())
    if isinstance(found, dict) and set(found) in ({"name", "parameters"}, {"name", "arguments"}):
        call = _from_object(found, 0)
        return call if isinstance(call, Call) else None
    return None


def _between(text: str, opening: str, closing: str) -> Iterator[tuple[int, str | None]]:
    """Where each stretch begins, and what stands between the marks; None for one that is not closed."""
    place = text.find(opening)
    while place >= 0:
        end = text.find(closing, place)
        yield place, None if end < 0 else text[place + len(opening) : end]
        place = -1 if end < 0 else text.find(opening, end)


def _from_json(text: str, place: int) -> Call | Broken:
    found = _decoded(text.strip())
    return Broken("its JSON is broken", place) if found is None else _from_object(found, place)


def _from_parts(name: str, arguments: str, place: int) -> Call | Broken:
    found = _decoded(arguments.strip() or "{}")
    if not isinstance(found, dict):
        return Broken("its JSON is broken", place)
    return Call(name, found, place)


def _from_object(found: object, place: int) -> Call | Broken:
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return Broken("it names no tool", place)
    arguments = found.get("arguments", found.get("parameters", {}))
    if isinstance(arguments, str):  # some write JSON within JSON
        arguments = _decoded(arguments)
    if not isinstance(arguments, dict):
        return Broken("its arguments are no JSON object", place)
    return Call(found["name"], arguments, place)


def _decoded(text: str) -> object:
    """What JSON says; None for what is none, or could not be written down again."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if _can_be_kept(found, MOST_LEVELS) else None


def _can_be_kept(value: object, levels: int) -> bool:
    """Whether any reader of JSON takes a value: no half of a pair of code units, no infinity, no endless nesting."""
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value) if not value.isascii() else True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        inside = [*value.keys(), *value.values()]
    elif isinstance(value, list):
        inside = value
    else:
        return True
    return levels > 0 and all(_can_be_kept(one, levels - 1) for one in inside)


DIVIDER = "======="
MOST_LEVELS = 50
MOST_CALLS = 64
NOTATIONS: Mapping[str, Callable[[str, Fields], Found]] = {
    "<tool_call>": _hermes,
    "<function=": _function,
    "<tool: ": _tagged,
    "<|python_tag|>": _llama,
    "[TOOL_CALLS]": _mistral,
    "<｜tool▁call▁begin｜>": _deepseek,
}
