"""What a policy is asked, and how a chat template turns it into text. Importable without torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, Any]
"""`role` (system, user, assistant, tool), `content`, and of an assistant that called tools its `tool_calls`."""


class Conversation(NamedTuple):
    """Messages, and the tools that may be called in the answer, as JSON schemas for chat templates and servers."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()


# A text taken as it is, or a conversation that the model's own template renders.
Prompt = str | Sequence[Message] | Conversation


class Rendered(NamedTuple):
    """A prompt's text, and the part of it that the template writes on the model's behalf."""

    text: str
    beginning: str


def conversation_of(prompt: Prompt) -> Conversation:
    """A prompt as a conversation; a text becomes the user's message."""
    if isinstance(prompt, Conversation):
        return prompt
    return Conversation([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt)


def render(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> Rendered:
    """A template may begin the answer itself (the miniature's opens the fence); that belongs to the answer's text."""
    if isinstance(prompt, str):
        return Rendered(prompt, "")
    asked = conversation_of(prompt)
    messages = [dict(message) for message in asked.messages]
    tools: list[dict[Any, Any] | Callable[..., Any]] = [dict(tool) for tool in asked.tools]

    def templated(*, answering: bool) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages, tools=tools or None, tokenize=False, add_generation_prompt=answering
            )
        )

    text, question = templated(answering=True), templated(answering=False)
    return Rendered(text, text[len(question) :] if text.startswith(question) else "")


def key_of_turn(problem: str, index: int, turn: int) -> str:
    """Names the random numbers of a later turn of one answer. Turns count from 1; the first is the problem's own."""
    return f"{problem}\n{index}\n{turn}"


def turn_of_key(key: str) -> tuple[str, int, int] | None:
    """What `key_of_turn` was given; None for the key of a first turn."""
    parts = key.split("\n")
    return (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else None
