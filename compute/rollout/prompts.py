"""What a policy is asked, and how a chat template turns it into text. Importable without torch."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from compute.errors import EngineError
from compute.rollout.calls import in_hermes

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
    """A template may begin the answer itself (the miniature's opens the fence); that belongs to the answer's text.

    Templates differ in what they take of earlier calls, so that others are written when one refuses. Raises EngineError
    for a conversation that none of them makes fit.
    """
    if isinstance(prompt, str):
        return Rendered(prompt, "")
    from jinja2.exceptions import TemplateError  # of transformers

    asked = conversation_of(prompt)
    tools: list[dict[Any, Any] | Callable[..., Any]] = [dict(tool) for tool in asked.tools]

    def templated(messages: list[dict[str, Any]], *, answering: bool) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages, tools=tools or None, tokenize=False, add_generation_prompt=answering
            )
        )

    trouble = ""
    for write in (as_it_is, with_arguments_as_json, with_calls_as_text):
        messages = write(asked.messages)
        try:
            text, question = templated(messages, answering=True), templated(messages, answering=False)
        except (TemplateError, TypeError) as error:
            trouble = str(error)
            continue
        return Rendered(text, text[len(question) :] if text.startswith(question) else "")
    raise EngineError(f"The chat template refuses the conversation: {trouble.rstrip('.')}.")


def as_it_is(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [dict(message) for message in messages]


def with_arguments_as_json(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """As servers take earlier calls, and the templates of some models: the arguments are JSON within JSON."""
    return [
        {**message, "tool_calls": [_with_text(call) for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else dict(message)
        for message in messages
    ]


def with_calls_as_text(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """For templates that know no tools in the past, or not several in one turn: calls stand in what was said, and what
    came back is said by the user."""
    written: list[dict[str, Any]] = []
    for message in messages:
        role = "user" if message["role"] == "tool" else message["role"]
        functions = [call["function"] for call in message.get("tool_calls", ())]
        calls = [in_hermes(one["name"], json.dumps(one["arguments"])) for one in functions]
        text = "\n".join(part for part in (message["content"], *calls) if part)
        if written and written[-1]["role"] == role:
            written[-1]["content"] += f"\n{text}"
        else:
            written.append({"role": role, "content": text})
    return written


def _with_text(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": json.dumps(function["arguments"])}}


def key_of_turn(problem: str, index: int, turn: int) -> str:
    """Names the random numbers of a later turn of one answer. Turns count from 1; the first is the problem's own."""
    return f"{problem}\n{index}\n{turn}"


def turn_of_key(key: str) -> tuple[str, int, int] | None:
    """What `key_of_turn` was given; None for the key of a first turn."""
    parts = key.split("\n")
    return (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else None
