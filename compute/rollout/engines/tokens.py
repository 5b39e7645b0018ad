"""Between conversations and tokens, with a checkpoint's own tokenizer: the same for every engine that draws tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from compute.rollout.engines import Completion
from compute.rollout.policy import decoded
from compute.rollout.prompts import Prompt, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Asked(NamedTuple):
    """A prompt's tokens, and what the template wrote on the model's behalf."""

    tokens: list[int]
    beginning: str


class Answered(NamedTuple):
    """The tokens drawn, the last a stop token where `stopped`, and the log-probability of each in nats."""

    tokens: Sequence[int]
    log_probabilities: Sequence[float]
    stopped: bool


def asked(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> Asked:
    text, beginning = render(tokenizer, prompt)
    return Asked(tokenizer(text, add_special_tokens=False)["input_ids"], beginning)


def completion_of(tokenizer: "PreTrainedTokenizerBase", question: Asked, answer: Answered) -> Completion:
    return Completion(
        text=question.beginning + decoded(tokenizer, answer.tokens),
        tokens=len(answer.tokens),
        finish="stop" if answer.stopped else "length",
        log_probabilities=tuple(answer.log_probabilities),
        prompt_tokens=len(question.tokens),
    )
