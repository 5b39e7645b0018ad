"""The reasoning setting: one turn, in which the model may think and then writes one fenced program.

The prompt is made by the tokenizer's own chat template. A template may begin the answer itself (the miniature's opens
the fence), so the text in which the program is sought is that beginning followed by what was sampled. An answer cut off
before its fence is closed holds no program.
"""

import re
from typing import TYPE_CHECKING, Literal

from compute.rollout import prompts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PYTHON = ("python", "python3", "py")
_FENCED = re.compile(r"```([^\n`]*)\n(.*?)```", re.DOTALL)


def messages(statement: str) -> list[dict[str, str]]:
    """The conversation before the answer."""
    return [{"role": "user", "content": statement}]


def render(tokenizer: "PreTrainedTokenizerBase", statement: str) -> prompts.Rendered:
    """The prompt's text, and the part of it that the template writes on the model's behalf."""
    return prompts.render(tokenizer, messages(statement))


def program_from(text: str, which: Literal["first", "last"] = "first") -> str | None:
    """The first (or last) fenced Python block of `text`; a block without a language counts when none is marked Python.

    None when no block is closed or the block is blank.
    """
    blocks = [(language.strip().lower(), body) for language, body in _FENCED.findall(text)]
    candidates = [body for language, body in blocks if language in PYTHON] or [
        body for language, body in blocks if not language
    ]
    if not candidates:
        return None
    program = candidates[0 if which == "first" else -1]
    return program if program.strip() else None
