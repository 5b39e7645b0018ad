"""Conversations with tools through chat templates that differ in what they take of earlier calls."""

import pytest

from compute.errors import EngineError
from compute.rollout.prompts import Conversation, render

pytestmark = pytest.mark.ml
SCHEMA = {"type": "function", "function": {"name": "bash", "description": "Runs.", "parameters": {"type": "object"}}}
EACH = "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
SAID = "{% if m.tool_calls %}{% for c in m.tool_calls %}"
END = "{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
WITH_OBJECTS = EACH + SAID + "({{ c.function.name }} {{ c.function.arguments.command }})" + END
WITH_TEXT = EACH + SAID + "{{ '(' + c.function.name + ' ' + c.function.arguments + ')' }}" + END
NINE = EACH + SAID + "{% if c.id|length != 9 %}{{ raise_exception('nine') }}{% endif %}({{ c.id }})" + END
ONE = (
    "{% for m in messages %}{% if m.tool_calls and m.tool_calls|length != 1 %}{{ raise_exception('one') }}{% endif %}"
    "{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NONE = "{{ raise_exception('I take nothing.') }}"


def called(*commands):
    calls = [
        {"id": f"00001000{n}", "type": "function", "function": {"name": "bash", "arguments": {"command": command}}}
        for n, command in enumerate(commands)
    ]
    answers = [{"role": "tool", "content": f"ran {command}", "name": "bash"} for command in commands]
    asked = [{"role": "user", "content": "Do it."}, {"role": "assistant", "content": "", "tool_calls": calls}]
    return Conversation([*asked, *answers], [SCHEMA])


@pytest.fixture
def tokenizer(tiny_policy):
    from compute.rollout.policy import load_tokenizer

    return load_tokenizer(tiny_policy)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (WITH_OBJECTS, "<user>Do it.<assistant>(bash ls)<tool>ran ls<assistant>"),
        (WITH_TEXT, '<user>Do it.<assistant>(bash {"command": "ls"})<tool>ran ls<assistant>'),
        (NINE, "<user>Do it.<assistant>(000010000)<tool>ran ls<assistant>"),
    ],
)
def test_earlier_calls_are_written_as_the_template_takes_them(tokenizer, template, text):
    tokenizer.chat_template = template
    assert render(tokenizer, called("ls")) == (text, "<assistant>")


def test_a_template_without_tools_or_with_one_call_a_turn_gets_them_as_text(tokenizer):
    tokenizer.chat_template = ONE
    text, _ = render(tokenizer, called("ls", "pwd"))
    assert text.count("<tool_call>") == 2
    assert text.endswith("<user>ran ls\nran pwd<assistant>"), "roles alternate"


def test_a_template_that_takes_nothing_is_named_with_its_words(tokenizer):
    tokenizer.chat_template = NONE
    with pytest.raises(EngineError, match="The chat template refuses the conversation: I take nothing"):
        render(tokenizer, called("ls"))
