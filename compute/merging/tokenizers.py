"""What exactly differs between two folders' tokenizers and chat templates, in words.

Tokenizers are compared by what they mean, not by their bytes: libraries write the same merge rules in two spellings and
switch padding on inside tokenizer.json. A folder without a tokenizer or a template says nothing, so nothing differs.
SentencePiece models are compared by their hashes. Loads no tokenizer library.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compute.checkpoints import CheckpointFolder, read_json
from compute.errors import MissingInput

FAST = "tokenizer.json"
IRRELEVANT = ("version", "truncation", "padding")
LONGEST_QUOTE = 60
Words = Mapping[str, int]


def tokenizer_difference(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    """The first difference that changes which text a token stands for. Raises MissingInput for damaged files."""
    if a.tokenizer_sha256 is None or b.tokenizer_sha256 is None or a.tokenizer_sha256 == b.tokenizer_sha256:
        return None
    fast_a, fast_b = ((folder.path / FAST).exists() for folder in (a, b))
    words_a, words_b = _vocabulary(a), _vocabulary(b)
    found = _words(words_a, title_a, words_b, title_b) if words_a and words_b else None
    if found is None and fast_a and fast_b:
        return _settings(read_json(a.path / FAST), title_a, read_json(b.path / FAST), title_b)
    return found or (
        f"their tokenizers differ ({a.tokenizer_sha256[:12]} for {title_a}, {b.tokenizer_sha256[:12]} for {title_b})"
    )


def template_difference(a: CheckpointFolder, title_a: str, b: CheckpointFolder, title_b: str) -> str | None:
    """The first differing line of a chat template that both have. Raises MissingInput for damaged files."""
    templates_a, templates_b = _templates(a.path), _templates(b.path)
    for name in sorted(templates_a.keys() & templates_b.keys()):
        lines_a, lines_b = templates_a[name].splitlines(), templates_b[name].splitlines()
        longest = max(len(lines_a), len(lines_b))
        for number in range(longest):
            in_a, in_b = (_line(lines, number) for lines in (lines_a, lines_b))
            if in_a != in_b:
                which = "chat templates" if name == "default" else f"chat templates {name!r}"
                return f"their {which} differ: line {number + 1} is {in_a} in {title_a} and {in_b} in {title_b}"
    return None


def _vocabulary(checkpoint: CheckpointFolder) -> dict[str, int]:
    try:
        return _words_of(checkpoint.path)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise MissingInput(f"The tokenizer in {checkpoint.path} is damaged.") from None


def _words_of(folder: Path) -> dict[str, int]:
    """Token -> id, with added tokens; empty where only a SentencePiece model knows."""
    if (folder / FAST).exists():
        data = read_json(folder / FAST)
        words = _model_words(data.get("model", {}).get("vocab", {}))
        return words | {one["content"]: one["id"] for one in data.get("added_tokens", [])}
    if (folder / "vocab.json").exists():
        return read_json(folder / "vocab.json")
    if (folder / "vocab.txt").exists():
        lines = (folder / "vocab.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        return {word: number for number, word in enumerate(lines)}
    return {}


def _model_words(vocabulary: Any) -> dict[str, int]:
    """A Unigram model lists pairs of token and score, the others map token to id."""
    if isinstance(vocabulary, dict):
        return vocabulary
    return {word: number for number, (word, _) in enumerate(vocabulary)}


def _words(a: Words, title_a: str, b: Words, title_b: str) -> str | None:
    moved = sorted((number, word) for word, number in a.items() if b.get(word, number) != number)
    if moved:
        number, word = moved[0]
        more = f" (and {len(moved) - 1} more moved)" if len(moved) > 1 else ""
        return f"the token {_quoted(word)} has id {number} in {title_a} and {b[word]} in {title_b}{more}"
    for have, title, lack in ((a, title_a, b), (b, title_b, a)):
        only = sorted((number, word) for word, number in have.items() if word not in lack)
        if only:
            number, word = only[0]
            more = f" (and {len(only) - 1} more)" if len(only) > 1 else ""
            return f"the token {_quoted(word)} with id {number} is only in {title}{more}"
    return None


def _settings(a: dict[str, Any], title_a: str, b: dict[str, Any], title_b: str) -> str | None:
    """Of two tokenizers with the same words: how text is cut into them."""
    model_a, model_b = a.pop("model", {}), b.pop("model", {})
    rules_a, rules_b = _merge_rules(model_a), _merge_rules(model_b)
    for number, (one, other) in enumerate(zip(rules_a, rules_b, strict=False), 1):
        if one != other:
            return f"merge rule {number} is {_quoted(one)} in {title_a} and {_quoted(other)} in {title_b}"
    if len(rules_a) != len(rules_b):
        return f"{title_a} has {len(rules_a)} merge rules and {title_b} has {len(rules_b)}"
    for part, side_a, side_b in (("", a, b), ("model.", model_a, model_b)):
        for key in sorted(side_a.keys() | side_b.keys()):
            if key not in (*IRRELEVANT, "merges") and side_a.get(key) != side_b.get(key):
                in_a, in_b = (_quoted(json.dumps(side.get(key), sort_keys=True)) for side in (side_a, side_b))
                return f"their tokenizers' {part}{key} is {in_a} in {title_a} and {in_b} in {title_b}"
    return None


def _merge_rules(model: dict[str, Any]) -> list[str]:
    """ "a b", whether it is written so or as ["a", "b"]."""
    return [rule if isinstance(rule, str) else " ".join(rule) for rule in model.get("merges") or []]


def _templates(folder: Path) -> dict[str, str]:
    """Name -> text, from whichever of transformers' places has them; a file of its own goes before the settings."""
    found: dict[str, str] = {}
    for place in ("tokenizer_config.json", "chat_template.json"):
        given = read_json(folder / place).get("chat_template") if (folder / place).exists() else None
        if isinstance(given, str):
            found["default"] = given
        elif isinstance(given, list):
            found |= {str(one.get("name")): str(one.get("template")) for one in given if isinstance(one, dict)}
    for path in sorted((folder / "additional_chat_templates").glob("*.jinja")):
        found[path.stem] = path.read_text(encoding="utf-8", errors="replace")
    if (folder / "chat_template.jinja").exists():
        found["default"] = (folder / "chat_template.jinja").read_text(encoding="utf-8", errors="replace")
    return found


def _line(lines: list[str], number: int) -> str:
    return _quoted(lines[number]) if number < len(lines) else "absent"


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…", ensure_ascii=False)
