"""What a policy is asked, and how a chat template turns it into text. Importable without torch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, str]
# A text taken as it is, or a conversation that the model's own template renders.
Prompt = str | Sequence[Message]


class Rendered(NamedTuple):
    """A prompt's text, and the part of it that the template writes on the model's behalf."""

    text: str
    beginning: str


def render(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> Rendered:
    """A template may begin the answer itself (the miniature's opens the fence); that belongs to the answer's text."""
    if isinstance(prompt, str):
        return Rendered(prompt, "")
    conversation = [dict(message) for message in prompt]
    text = str(tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True))
    asked = str(tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=False))
    return Rendered(text, text[len(asked) :] if text.startswith(asked) else "")
