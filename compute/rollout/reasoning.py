"""The reasoning setting: one turn, in which the model may think and then writes one fenced program.

The prompt is made by the tokenizer's own chat template. A template may begin the answer itself (the miniature's opens
the fence), so the text in which the program is sought is that beginning followed by what was sampled. An answer cut off
before its fence is closed holds no program.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from compute.configs import Sampling
from compute.problems.problem import Problem
from compute.rollout import prompts
from compute.rollout.answers import Answer
from compute.rollout.engines import Completion, Engine, IsCancelled

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


def answer_of(completion: Completion) -> Answer:
    return Answer(program_from(completion.text), completion.tokens, completion.finish, completion.log_likelihood)


class Reasoning:
    """One turn a problem and sample."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def answers(self, problems: Sequence[Problem], sampling: Sampling, cancelled: IsCancelled) -> list[list[Answer]]:
        asked = [messages(problem.statement) for problem in problems]
        groups = self.engine.generate(asked, [problem.slug for problem in problems], sampling, cancelled)
        return [[answer_of(completion) for completion in group] for group in groups]

    def close(self) -> None: ...
