"""What the miniature base learns to write beyond single programs, in the words that the harnesses use."""

import random
import subprocess
import sys
from collections import Counter

import pytest

from compute.miniature.corpus import Corpus
from compute.miniature.lessons import Act, Lessons, change, on_samples
from compute.miniature.study import BASE_FOLDER
from compute.rollout import feedback
from compute.rollout.agent import AgentDialogues
from compute.rollout.calls import parse

FIELDS = {name: list(tool.arguments) for name, tool in AgentDialogues.tools.items()}


@pytest.fixture(scope="module")
def drawn():
    rng = random.Random(3)
    lessons = Lessons(Corpus())
    return [lessons.draw(rng) for _ in range(600)]


def test_lessons_are_of_every_kind_and_repeat_themselves(drawn):
    calls = Counter(lesson.answer.partition(">")[0].partition(" ")[0] for lesson in drawn if lesson.call)
    assert set(calls) == {"create", "bash", "edit", "submit"}
    revisions = sum(not lesson.call and len(lesson.messages) > 1 for lesson in drawn)
    plain = sum(len(lesson.messages) == 1 and not lesson.call for lesson in drawn)
    assert plain > len(drawn) / 3 > revisions > len(drawn) / 20
    rng = random.Random(3)
    lessons = Lessons(Corpus())
    assert [lessons.draw(rng) for _ in range(20)] == drawn[:20]


def test_an_edit_makes_the_one_program_of_the_other():
    rng, lessons, edits = random.Random(4), Lessons(Corpus()), 0
    for _ in range(200):
        draft, _ = lessons.failing(rng)
        act = change(draft.text, draft.right)
        if act.name == "edit":
            assert draft.text.count(act.arguments["old"]) == 1
            assert draft.text.replace(act.arguments["old"], act.arguments["new"]) == draft.right
            edits += 1
        else:
            assert act.arguments["text"] == draft.right
    assert edits > 100


@pytest.mark.parametrize(
    "act",
    [
        Act("create", {"path": "main.py", "text": "a=1\n\nprint(a)"}),
        Act("edit", {"path": "main.py", "old": "a=1", "new": "a=2\nb=3"}),
        Act("bash", {"command": "python3 run_samples.py main.py"}),
        Act("submit", {"path": "main.py"}),
    ],
    ids=lambda act: act.name,
)
def test_what_is_learnt_is_read_back_as_the_call_that_it_was(act):
    (call,) = parse(f"<tool: {act.as_text()}</tool>", FIELDS).calls
    assert (call.name, dict(call.arguments)) == (act.name, dict(act.arguments))


@pytest.mark.ml
def test_the_template_shows_the_past_as_it_was_written_and_opens_the_next_turn(drawn):
    from compute.rollout.policy import load_tokenizer
    from compute.rollout.prompts import Conversation, render

    tokenizer = load_tokenizer(BASE_FOLDER)
    for lesson in drawn[:200]:
        text, beginning = render(tokenizer, Conversation(lesson.messages, lesson.tools))
        assert beginning == ("<tool: " if lesson.call else "```python\n")
        for message in lesson.messages:
            for call in message.get("tool_calls", ()):
                act = Act(call["function"]["name"], call["function"]["arguments"])
                assert f"<tool: {act.as_text()}</tool>\n" in text
            assert message["content"] in text
        tokens = tokenizer(text + lesson.answer)["input_ids"]
        assert tokenizer.unk_token_id not in tokens
        assert len(tokens) < tokenizer.model_max_length


def test_the_script_in_a_workspace_says_what_a_report_says(tmp_path):
    from compute.rollout.agent import SCRIPT_BYTES

    rng, lessons, seen = random.Random(5), Lessons(Corpus()), set()
    (tmp_path / "samples").mkdir()
    (tmp_path / "run_samples.py").write_bytes(SCRIPT_BYTES)
    while len(seen) < 3:
        draft, results = lessons.failing(rng)
        letters = "".join(result.letter for result in results)
        if letters in seen or "T" in letters:
            continue
        seen.add(letters)
        (tmp_path / "main.py").write_text(draft.text)
        for number, (text, result) in enumerate(zip(lessons.inputs, results, strict=True), start=1):
            (tmp_path / "samples" / f"{number}.in").write_text(text)
            (tmp_path / "samples" / f"{number}.out").write_text(result.expected)
        said = subprocess.run(
            [sys.executable, "run_samples.py", "main.py"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert said.stdout == feedback.report(on_samples(draft.task, draft.text, lessons.inputs))
