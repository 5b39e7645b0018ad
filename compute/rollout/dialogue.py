"""Answers that take several turns: what the settings with tools and with a workspace share.

All answers of a batch go on together: one call of the engine draws the next turn of every conversation that is still
open, then the tools run, a few at a time. The first turn of a problem's answers is drawn with the random numbers that
the reasoning setting would use, a later one with its own, so that an answer depends on nothing but its problem, index
and seed (and on the machine, where a tool met a limit of time).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from compute.configs import EvaluateConfig, Sampling, ToolLimits
from compute.errors import Cancelled
from compute.judge.once import Once
from compute.problems.problem import BlobStore, Problem
from compute.rollout import feedback, transcript
from compute.rollout.answers import Answer, log_likelihood
from compute.rollout.calls import Broken, Call, Fields, Parsed, parse
from compute.rollout.engines import Completion, Engine, IsCancelled
from compute.rollout.prompts import Conversation, key_of_turn
from compute.rollout.tool_rooms import ToolRoom, ToolRooms, ToolTrouble
from compute.rollout.transcript import CallRecord, Step, Transcript

TURNS = {"tools": 16, "agentic": 128}
LETTERS_A_TOKEN = 2


class Tool(NamedTuple):
    """A function a policy may call. `arguments`: name -> what it is; all are texts and all are required."""

    name: str
    description: str
    arguments: Mapping[str, str]

    def schema(self) -> dict[str, Any]:
        properties = {name: {"type": "string", "description": text} for name, text in self.arguments.items()}
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {"type": "object", "properties": properties, "required": list(properties)},
            },
        }

    def refuses(self, call: Call) -> str:
        """Why a call cannot be run; empty when it can."""
        for name in self.arguments:
            if not isinstance(call.arguments.get(name), str):
                return f"{self.name} needs {' and '.join(self.arguments)}, each a text"
        return ""


class Dialogue:
    """One answer on its way. A setting adds what it must remember."""

    def __init__(self, problem: Problem, index: int, opening: Sequence[dict[str, str]]) -> None:
        self.problem, self.index = problem, index
        self.messages: list[dict[str, Any]] = [dict(message) for message in opening]
        self.steps = [Step(role=message["role"], text=message["content"]) for message in opening]
        self.completions: list[Completion] = []
        self.calls = 0
        self.mistakes = 0
        self.attempts = 0
        self.program: str | None = None
        self.files: Mapping[str, bytes] = {}
        self.ended = ""

    @property
    def length(self) -> int:
        """Tokens of the conversation up to the last turn's end; what came after it is not counted yet."""
        last = self.completions[-1] if self.completions else None
        return last.prompt_tokens + last.tokens if last else 0

    @property
    def unread(self) -> int:
        """About the tokens of what came back to the last turn, erring on the side of too many."""
        said = takewhile(lambda message: message["role"] != "assistant", reversed(self.messages))
        return sum(len(message["content"]) for message in said) // LETTERS_A_TOKEN

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason

    def say(self, completion: Completion, parsed: Parsed, problems: Sequence[str]) -> None:
        """Enter a turn of the policy. `problems`: of each call why it is not run, empty for those that are."""
        calls = [call for call in parsed.calls if isinstance(call, Call)]
        self.completions.append(completion)
        message: dict[str, Any] = {"role": "assistant", "content": parsed.content if calls else completion.text}
        if calls:
            message["tool_calls"] = [
                {
                    "id": self.identity(place),
                    "type": "function",
                    "function": {"name": call.name, "arguments": dict(call.arguments)},
                }
                for place, call in enumerate(calls)
            ]
        self.messages.append(message)
        broken = len(calls) < len(parsed.calls)  # whose text is nowhere else
        records = tuple(
            CallRecord(name=call.name, arguments=dict(call.arguments), problem=problem)
            if isinstance(call, Call)
            else CallRecord(name="", problem=problem)
            for call, problem in zip(parsed.calls, problems, strict=True)
        )
        self.steps.append(
            Step(
                role="assistant",
                text=completion.text if broken or not records else parsed.content,
                calls=records,
                tokens=completion.tokens,
                finish=completion.finish,
            )
        )

    def identity(self, place: int) -> str:
        """Names a call of the last turn. Some templates take nine letters or digits and nothing else."""
        return f"{len(self.completions) % 10**5:05d}{place % 10**4:04d}"

    def reply(self, role: Literal["user", "tool"], text: str, **more: Any) -> None:
        """Enter what comes back: a tool's answer, or words."""
        message: dict[str, Any] = {"role": role, "content": text}
        if role == "tool":
            message |= {"name": more["tool"], "tool_call_id": self.identity(more.pop("place"))}
        self.messages.append(message)
        self.steps.append(Step(role=role, text=text, **more))


class Dialogues(ABC):
    """A setting with turns over an engine. `setting` and `tools` are its children's."""

    setting: Literal["tools", "agentic"]
    tools: Mapping[str, Tool]

    def __init__(self, config: EvaluateConfig, engine: Engine) -> None:
        """Raises SandboxError where programs cannot be isolated."""
        self.limits: ToolLimits = config.tools
        self.turns = config.tools.turns or TURNS[self.setting]
        self.engine = engine
        self.blobs = BlobStore(config.problems.blobs)
        self.fields: Fields = {tool.name: list(tool.arguments) for tool in self.tools.values()}
        self.schemas = [tool.schema() for tool in self.tools.values()]
        self.context = min(filter(None, (config.tools.context_tokens, engine.context_tokens)))
        self.rooms = ToolRooms(config.tools, config.limits, self.blobs, config.limits.workers)
        self.pool = ThreadPoolExecutor(config.limits.workers, thread_name_prefix="tools")

    @abstractmethod
    def opening(self, problem: Problem) -> list[dict[str, str]]:
        """The messages before the first turn."""

    @abstractmethod
    def react(self, dialogue: Dialogue, completion: Completion, room: ToolRoom) -> None:
        """Enter a turn, run what it calls for, and enter what comes back or end the dialogue. Raises ToolTrouble."""

    def begin(self, problem: Problem, index: int) -> Dialogue:
        return Dialogue(problem, index, self.opening(problem))

    def answers(self, problems: Sequence[Problem], sampling: Sampling, cancelled: IsCancelled) -> list[list[Answer]]:
        groups = [[self.begin(problem, index) for index in range(sampling.samples)] for problem in problems]
        first = [self.prompt(group[0]) for group in groups]
        drawn = self.engine.generate(first, [problem.slug for problem in problems], sampling, cancelled)
        going = [dialogue for group in groups for dialogue in group]
        self.react_to_all(going, [completion for group in drawn for completion in group], cancelled)
        once = sampling.model_copy(update={"samples": 1})
        while going := [dialogue for dialogue in going if self.goes_on(dialogue, sampling)]:
            keys = [key_of_turn(one.problem.slug, one.index, len(one.completions) + 1) for one in going]
            turns = self.engine.generate([self.prompt(one) for one in going], keys, once, cancelled)
            self.react_to_all(going, [completion for (completion,) in turns], cancelled)
        return [[self.answer(dialogue) for dialogue in group] for group in groups]

    def prompt(self, dialogue: Dialogue) -> Conversation:
        return Conversation(tuple(dialogue.messages), self.schemas)

    def react_to_all(self, dialogues: Sequence[Dialogue], turns: Sequence[Completion], cancelled: IsCancelled) -> None:
        def react(dialogue: Dialogue, completion: Completion) -> None:
            self.react_in_room(dialogue, completion, cancelled)

        list(self.pool.map(react, dialogues, turns))

    def react_in_room(self, dialogue: Dialogue, completion: Completion, cancelled: IsCancelled) -> None:
        if cancelled():
            raise Cancelled("The evaluation was cancelled.")
        with self.rooms.lent() as room:
            try:
                self.react(dialogue, completion, room)
            except ToolTrouble:
                dialogue.program = None
                dialogue.end(transcript.TROUBLE)

    def goes_on(self, dialogue: Dialogue, sampling: Sampling) -> bool:
        """Whether there is another turn to have; ends the dialogue where there is none."""
        if dialogue.ended:
            return False
        if len(dialogue.completions) >= self.turns:
            dialogue.end(transcript.OUT_OF_TURNS)
        elif self.tokens_left(dialogue) - dialogue.unread < sampling.max_tokens:
            dialogue.end(transcript.OUT_OF_TOKENS)
        return not dialogue.ended

    def tokens_left(self, dialogue: Dialogue) -> int:
        return self.context - dialogue.length

    def budget(self, dialogue: Dialogue) -> dict[str, int]:
        """What is left after the last turn, for the record."""
        return {
            "turns_left": self.turns - len(dialogue.completions),
            "tokens_left": max(0, self.tokens_left(dialogue)),
        }

    def read(self, completion: Completion) -> tuple[Parsed, list[str]]:
        """A turn's calls, and of each why it cannot be run."""
        parsed = parse(completion.text, self.fields)
        return parsed, [self.refusal(call) for call in parsed.calls]

    def refusal(self, call: Call | Broken) -> str:
        if isinstance(call, Broken):
            return f"this call cannot be read: {call.reason}"
        if call.name not in self.tools:
            return f"there is no tool {call.name!r}, only {', '.join(self.tools)}"
        return self.tools[call.name].refuses(call)

    def count_mistake(self, dialogue: Dialogue, *, made: bool) -> None:
        dialogue.mistakes = dialogue.mistakes + 1 if made else 0
        if dialogue.mistakes >= self.limits.mistakes:
            dialogue.end(transcript.MALFORMED)

    def shown(self, text: str) -> str:
        return feedback.shortened(text, self.limits.shown_characters)

    def on_samples(self, room: ToolRoom, problem: Problem, program: str) -> list[feedback.SampleResult]:
        """The program on every public test, in size order. Raises ToolTrouble."""
        public = [place for place, test in enumerate(problem.tests) if test.public]
        return [self.result(problem, place, room.sample(problem, place, program)) for place in public]

    def result(self, problem: Problem, place: int, once: Once) -> feedback.SampleResult:
        expected = self.blobs.get(problem.tests[place].output).decode("utf-8", "replace")
        got = once.output.decode("utf-8", "replace")
        return feedback.SampleResult(str(once.outcome.letter), expected, got, once.errors)

    def answer(self, dialogue: Dialogue) -> Answer:
        return Answer(
            dialogue.program,
            sum(completion.tokens for completion in dialogue.completions),
            dialogue.completions[-1].finish,
            log_likelihood(dialogue.completions),
            Transcript(setting=self.setting, ended=dialogue.ended, steps=tuple(dialogue.steps)),
        )

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.rooms.close()
