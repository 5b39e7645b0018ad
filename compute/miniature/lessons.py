"""What the miniature base learns to write: programs, and the later turns of the settings with tools and a workspace.

A lesson is one answer and the conversation before it, made of the very messages that the harnesses of
`compute.rollout` send. The samples' results in it are real: the programs are the family's own, with slips, and run
here. First turns follow the corpus' mixture in every setting, so that the settings differ in what happens afterwards.
"""

import difflib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from compute.judge.verdict import Verdict
from compute.miniature.composition import Task
from compute.miniature.corpus import Corpus, Draft
from compute.miniature.execution import run_program
from compute.miniature.inputs import SMALL_RANGES, Shape, draw_input
from compute.miniature.rendering import fast_program, statement
from compute.miniature.sizes import SMALL_SIZES
from compute.rollout import feedback
from compute.rollout.agent import AGENT_TOOLS, SAMPLES_CHECKED
from compute.rollout.calls import DIVIDER
from compute.rollout.feedback import SampleResult

FILE = "main.py"
SAMPLE_SECONDS = 0.2
LONGEST_EDIT = 4  # lines; a larger change is written as a whole file
MOST_REPAIRS = 2
TURNS = (8, 128)
Message = Mapping[str, Any]


class Lesson(NamedTuple):
    """`answer` is what the model writes after the generation prompt, without the token that ends it; `call` says
    whether that token closes a call or a fence."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    answer: str
    call: bool = False


@dataclass(frozen=True)
class Shares:
    """How often a lesson is of a kind. `repaired`: how often a repair is right; otherwise it may slip again."""

    revise: float = 0.15
    agentic: float = 0.3
    repaired: float = 0.8
    turn: Mapping[str, float] = field(
        default_factory=lambda: {"create": 0.3, "check": 0.15, "repair": 0.4, "submit": 0.15}
    )


class Lessons:
    """An endless stream of lessons over a corpus."""

    def __init__(self, corpus: Corpus, shares: Shares | None = None) -> None:
        self.corpus = corpus
        self.shares = shares or Shares()

    def draw(self, rng: random.Random) -> Lesson:
        kind = rng.random()
        if kind < self.shares.revise:
            return self.revision(rng)
        if kind < self.shares.revise + self.shares.agentic:
            return self.step(rng)
        draft = self.corpus.draft(rng)
        return Lesson(question(draft.task), (), draft.text)

    # With tools: the program after the samples' results -------------------------------------------------------------

    def revision(self, rng: random.Random) -> Lesson:
        draft, results = self.failing(rng)
        messages = [*question(draft.task), *attempt(draft.text, results)]
        repaired = self.repair(draft, rng)
        if rng.random() < 0.2 and not all_pass(again := on_samples(repaired.task, repaired.text, self.inputs)):
            messages += attempt(repaired.text, again)
            repaired = self.repair(repaired, rng)
        return Lesson(messages, (), repaired.text)

    # In a workspace: one step of a piece of work --------------------------------------------------------------------

    def step(self, rng: random.Random) -> Lesson:
        turns = list(self.shares.turn)
        turn = rng.choices(turns, [self.shares.turn[name] for name in turns])[0]
        work = Work(rng)
        if turn == "create":
            draft = self.corpus.draft(rng)
            return work.lesson(draft.task, create(draft.text))
        if turn == "check":
            draft = self.corpus.draft(rng)
            work.do(create(draft.text), f"Wrote {FILE}.\n")
            return work.lesson(draft.task, check())
        draft, results = self.failing(rng) if turn == "repair" or rng.random() < 0.4 else self.any(rng)
        work.do(create(draft.text), f"Wrote {FILE}.\n")
        work.do(check(), feedback.report(results))
        for _ in range(MOST_REPAIRS):
            if all_pass(results):
                break
            repaired = self.repair(draft, rng)
            act = change(draft.text, repaired.text)
            if turn == "repair":
                return work.lesson(draft.task, act)
            work.do(act, f"{'Edited' if act.name == 'edit' else 'Wrote'} {FILE}.\n")
            draft, results = repaired, on_samples(repaired.task, repaired.text, self.inputs)
            work.do(check(), feedback.report(results))
        return work.lesson(draft.task, Act("submit", {"path": FILE}))

    # Programs and their samples ---------------------------------------------------------------------------------------

    def any(self, rng: random.Random) -> tuple[Draft, list[SampleResult]]:
        draft = self.corpus.draft(rng)
        self.inputs = draw_samples(draft.task, rng)
        return draft, on_samples(draft.task, draft.text, self.inputs)

    def failing(self, rng: random.Random) -> tuple[Draft, list[SampleResult]]:
        """A draft that its samples find wrong."""
        while True:
            draft = self.corpus.draft(rng)
            if draft.text == draft.right:
                continue
            self.inputs = draw_samples(draft.task, rng)
            results = on_samples(draft.task, draft.text, self.inputs)
            if not all_pass(results):
                return draft, results

    def repair(self, draft: Draft, rng: random.Random) -> Draft:
        """The same way of solving it, as a rule without slips."""
        if rng.random() < self.shares.repaired:
            return draft._replace(text=draft.right)
        return draft._replace(text=self.corpus.slipped(draft, rng))


class Act(NamedTuple):
    """A call: the tool's name and its arguments."""

    name: str
    arguments: Mapping[str, str]

    def as_text(self) -> str:
        """In the tagged notation, without its opening mark and its closing one; see `compute.rollout.calls`."""
        path = f" {self.arguments['path']}" if "path" in self.arguments else ""
        if self.name == "edit":
            parts = [self.arguments["old"], DIVIDER, self.arguments["new"]]
        else:
            parts = [text for key, text in self.arguments.items() if key != "path"]
        body = "".join(f"{part}\n" for part in parts)
        return f"{self.name}{path}>\n{body}"


class Work:
    """A conversation in a workspace as it grows. Some have few turns left and some many."""

    def __init__(self, rng: random.Random) -> None:
        self.turns = rng.choice(TURNS)
        self.tokens = rng.randint(400, 1000)
        self.messages: list[Message] = []

    def do(self, act: Act, answer: str) -> None:
        self.turns -= 1
        self.tokens -= len(act.as_text()) // 4 + len(answer) // 4
        call = {"type": "function", "function": {"name": act.name, "arguments": dict(act.arguments)}}
        self.messages += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": answer + feedback.budget(self.turns, self.tokens), "name": act.name},
        ]

    def lesson(self, task: Task, act: Act) -> Lesson:
        return Lesson([*question(task), *self.messages], AGENT_TOOLS, act.as_text(), call=True)


def question(task: Task) -> list[Message]:
    return [{"role": "user", "content": statement(task)}]


def attempt(program: str, results: Sequence[SampleResult]) -> list[Message]:
    return [
        {"role": "assistant", "content": f"```python\n{program}```"},
        {"role": "user", "content": feedback.report(results)},
    ]


def create(program: str) -> Act:
    return Act("create", {"path": FILE, "text": program})


def check() -> Act:
    return Act("bash", {"command": f"{SAMPLES_CHECKED} {FILE}"})


def change(before: str, after: str) -> Act:
    """The edit that makes `after` of `before` in whole lines, or where it would be long or ambiguous the whole file."""
    old, new = before.split("\n"), after.split("\n")
    places = [
        block for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if block[0] != "equal"
    ]
    if not places:
        return create(after)
    start, end, new_start, new_end = places[0][1], places[-1][2], places[0][3], places[-1][4]
    while start == end or before.count("\n".join(old[start:end])) != 1:  # an insertion, or lines that occur again
        if start == 0:
            break
        start, new_start = start - 1, new_start - 1
    piece = "\n".join(old[start:end])
    if not piece or before.count(piece) != 1 or max(end - start, new_end - new_start) > LONGEST_EDIT:
        return create(after)
    return Act("edit", {"path": FILE, "old": piece, "new": "\n".join(new[new_start:new_end])})


def draw_samples(task: Task, rng: random.Random) -> list[str]:
    """Inputs like the family's public tests, small to large."""
    drawn = [draw_input(task, Shape(size, rng.choice(SMALL_RANGES)), rng) for size in SMALL_SIZES[0][:2]]
    return sorted(drawn, key=len)


def on_samples(task: Task, program: str, inputs: Sequence[str]) -> list[SampleResult]:
    return [one_sample(program, fast_program(task), text) for text in inputs]


def one_sample(program: str, reference: str, text: str) -> SampleResult:
    expected = run_program(reference, text).output or ""
    try:
        got = run_program(program, text, SAMPLE_SECONDS).output
    except Exception as error:  # the program's own
        return SampleResult(Verdict.RUN_TIME_ERROR, expected, "", f"{type(error).__name__}: {error}")
    if got is None:
        return SampleResult(Verdict.TIME_LIMIT, expected, "")
    right = got.split() == expected.split()
    return SampleResult(Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER, expected, got)


def all_pass(results: Sequence[SampleResult]) -> bool:
    return all(result.passed for result in results)
