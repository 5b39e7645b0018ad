"""Tool calls in the notations of the common families, and what cannot be read."""

import pytest

from compute.rollout.calls import Broken, Call, in_hermes, parse

FIELDS = {
    "python": ["code"],
    "bash": ["command"],
    "create": ["path", "text"],
    "edit": ["path", "old", "new"],
    "submit": ["path"],
}
LS = {"command": "ls -l"}
CALLS_OF_LS = {
    "hermes": '<tool_call>\n{"name": "bash", "arguments": {"command": "ls -l"}}\n</tool_call>',
    "hermes, JSON within JSON": '<tool_call>{"name": "bash", "arguments": "{\\"command\\": \\"ls -l\\"}"}</tool_call>',
    "function": "<tool_call>\n<function=bash>\n<parameter=command>\nls -l\n</parameter>\n</function>\n</tool_call>",
    "function alone": "<function=bash><parameter=command>ls -l</parameter></function>",
    "tagged": "<tool: bash>\nls -l\n</tool>",
    "llama": '<|python_tag|>{"name": "bash", "parameters": {"command": "ls -l"}}<|eom_id|>',
    "mistral": '[TOOL_CALLS] [{"name": "bash", "arguments": {"command": "ls -l"}, "id": "abcdefghi"}]</s>',
    "mistral, newer": '[TOOL_CALLS]bash[CALL_ID]abcdefghi[ARGS]{"command": "ls -l"}</s>',
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>bash\n"
    '```json\n{"command": "ls -l"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek, newer": '<｜tool▁call▁begin｜>bash<｜tool▁sep｜>{"command": "ls -l"}<｜tool▁call▁end｜>',
}


@pytest.mark.parametrize("text", CALLS_OF_LS.values(), ids=CALLS_OF_LS.keys())
def test_a_call_is_read_in_every_notation_with_what_was_said_before(text):
    content, calls = parse(f"Let me look.\n{text}", FIELDS)
    assert content == "Let me look."
    assert [(call.name, dict(call.arguments)) for call in calls] == [("bash", LS)]


def test_a_text_that_is_nothing_but_the_json_of_a_call_is_one():
    assert parse('{"name": "bash", "parameters": {"command": "ls -l"}}', FIELDS).calls == [Call("bash", LS)]
    assert parse('{"name": "Ada", "age": 36}', FIELDS).calls == []


def test_several_calls_keep_their_order():
    text = CALLS_OF_LS["hermes"] + "\n" + in_hermes("submit", '{"path": "a.py"}')
    assert [call.name for call in parse(text, FIELDS).calls] == ["bash", "submit"]
    listed = '[TOOL_CALLS][{"name": "bash", "arguments": {}}, {"name": "submit", "arguments": {"path": "a.py"}}]'
    assert [call.name for call in parse(listed, FIELDS).calls] == ["bash", "submit"]


def test_the_tagged_notation_spreads_head_and_body_over_a_tools_arguments():
    text = "<tool: create main.py>\nprint(1)\n\nprint(2)\n</tool><tool: edit main.py>\n1\n=======\n3\n4\n</tool>"
    create, edit = parse(text + "<tool: submit main.py>\n</tool>", FIELDS).calls[:2]
    assert create.arguments == {"path": "main.py", "text": "print(1)\n\nprint(2)"}
    assert edit.arguments == {"path": "main.py", "old": "1", "new": "3\n4"}
    assert parse("<tool: submit main.py>\n</tool>", FIELDS).calls[0].arguments == {"path": "main.py"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<tool_call>{"name": "bash", "arguments": {"command": "ls}</tool_call>', "its JSON is broken"),
        ('<tool_call>{"name": "bash", "arguments": {"command": "ls"}}', "not closed"),
        ('<tool_call>{"arguments": {}}</tool_call>', "names no tool"),
        ('<tool_call>{"name": "bash", "arguments": [1]}</tool_call>', "no JSON object"),
        ("<tool: edit main.py>\nno divider\n</tool>", "not parted"),
        ("<tool: bash>\nls", "not closed"),
        ("<function=bash><parameter=command>ls", "not closed"),
        ('<|python_tag|>print("hello")', "its JSON is broken"),
        ("[TOOL_CALLS] bash please", "its JSON is broken"),
        ("<｜tool▁call▁begin｜>bash", "not closed"),
        ("<tool_call>" + "[" * 100_000 + "</tool_call>", "its JSON is broken"),
        (
            '<tool_call>{"name": "bash", "arguments": {"a": ' + "[" * 60 + "]" * 60 + "}}</tool_call>",
            "its JSON is broken",
        ),
        ('<tool_call>{"name": "bash", "arguments": {"command": "\\ud83d"}}</tool_call>', "its JSON is broken"),
        ('<tool_call>{"name": "\\ud83d", "arguments": {}}</tool_call>', "its JSON is broken"),
        ('<tool_call>{"name": "bash", "arguments": {"a": NaN}}</tool_call>', "its JSON is broken"),
        ('<tool_call>{"name": "bash", "arguments": {"a": 1e999}}</tool_call>', "its JSON is broken"),
    ],
)
def test_what_begins_as_a_call_and_cannot_be_read_says_why(text, reason):
    (broken,) = parse(text, FIELDS).calls
    assert isinstance(broken, Broken)
    assert reason in broken.reason


def test_a_text_without_a_call_is_left_alone():
    assert parse("```python\nprint('<tool')\n```", FIELDS) == ("```python\nprint('<tool')\n```", [])
