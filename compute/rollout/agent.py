"""The agentic setting: a workspace with a shell, where the policy writes, runs and edits files, then submits one.

Exactly one call a turn; after each the policy is told what it has left. The workspace begins with the public samples
and a script that tries a program on them; hidden tests are nowhere near it. Only a submitted file is graded
(arXiv 2605.28751).
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from compute.configs import EvaluateConfig
from compute.errors import ConfigError
from compute.problems.problem import Problem
from compute.rollout import feedback, sample_script, transcript
from compute.rollout.calls import Broken, Call
from compute.rollout.dialogue import Dialogue, Dialogues, Tool
from compute.rollout.engines import Completion, Engine
from compute.rollout.tool_rooms import MOST_BYTES, MOST_FILES, ToolRoom, is_path, refuse_open_shell

CREATE = Tool("create", "Writes a file, in place of one that is there.", {"path": "its name", "text": "all its text"})
EDIT = Tool(
    "edit",
    "Replaces a piece of a file's text, which must occur exactly once.",
    {"path": "the file's name", "old": "the piece", "new": "what takes its place"},
)
BASH = Tool("bash", "Runs a shell command in the workspace and returns its output.", {"command": "the command"})
SUBMIT = Tool("submit", "Hands in a Python file to be graded, and ends the work.", {"path": "the file's name"})
SCRIPT = "run_samples.py"
LONGEST_PROGRAM = 64 << 10  # characters
SAMPLES_CHECKED = f"python3 {SCRIPT}"
SCRIPT_BYTES = Path(sample_script.__file__).read_bytes()


AGENT_TOOLS = [tool.schema() for tool in (CREATE, EDIT, BASH, SUBMIT)]


class Refused(Exception):
    """A call that can be read but not obeyed; the message is for the policy."""


class AgentDialogues(Dialogues):
    setting = "agentic"
    tools = {tool.name: tool for tool in (CREATE, EDIT, BASH, SUBMIT)}

    def __init__(self, config: EvaluateConfig, engine: Engine) -> None:
        """Raises SandboxError where a shell cannot be contained."""
        super().__init__(config, engine)
        refuse_open_shell(self.rooms.layer)

    def opening(self, problem: Problem) -> list[dict[str, str]]:
        words = (
            "Solve the problem with a Python program that reads standard input and writes standard output. You work in"
            f" a folder; `{SAMPLES_CHECKED} FILE` tries a program on the public samples, which lie in samples/. Call"
            f" exactly one tool in every turn; you have {self.turns} turns. When you are done, call submit with the"
            " name of the file to be graded."
        )
        return [{"role": "system", "content": words}, {"role": "user", "content": problem.statement}]

    def begin(self, problem: Problem, index: int) -> Dialogue:
        if problem.call is not None:
            raise ConfigError(
                f"setting: {problem.slug} asks for a function, which the workspace's script cannot try: evaluate it by"
                " reasoning or with tools."
            )
        dialogue = super().begin(problem, index)
        dialogue.files = self.samples(problem)
        return dialogue

    def samples(self, problem: Problem) -> dict[str, bytes]:
        files = {SCRIPT: SCRIPT_BYTES}
        for number, test in enumerate((test for test in problem.tests if test.public), start=1):
            files[f"samples/{number}.in"] = self.blobs.get(test.input)
            files[f"samples/{number}.out"] = self.blobs.get(test.output)
        return files

    def react(self, dialogue: Dialogue, completion: Completion, room: ToolRoom) -> None:
        parsed, problems = self.read(completion)
        if len(parsed.calls) > 1:
            problems = ["exactly one call a turn"] * len(parsed.calls)
        dialogue.say(completion, parsed, problems)
        call = parsed.calls[0] if len(parsed.calls) == 1 and not problems[0] else None
        self.count_mistake(dialogue, made=call is None)
        if isinstance(call, Call):
            self.obey(dialogue, call, room)
        else:
            self.complain(dialogue, parsed.calls, problems)

    def complain(self, dialogue: Dialogue, calls: Sequence[Call | Broken], problems: list[str]) -> None:
        """Nothing was run."""
        said = problems[0] if problems else "call exactly one tool in every turn"
        text = f"Error: {said}.\n" + self.notice(dialogue)
        named = [call for call in calls if isinstance(call, Call)]
        for place, call in enumerate(named):
            dialogue.reply("tool", text, tool=call.name, place=place, **self.budget(dialogue))
        if not named:
            dialogue.reply("user", text, **self.budget(dialogue))

    def obey(self, dialogue: Dialogue, call: Call, room: ToolRoom) -> None:
        arguments = {name: str(value) for name, value in call.arguments.items()}
        dialogue.calls += 1
        ended = ""
        try:
            if call.name == SUBMIT.name:
                dialogue.program = self.submitted(dialogue, arguments["path"])
                dialogue.end(transcript.SUBMITTED)
                return
            if call.name == BASH.name:
                shell = room.shell(arguments["command"], dialogue.files)
                dialogue.files, ended = shell.files, shell.ran.ended
                text = self.shown(shell.ran.output) + (f"\n[{ended}]\n" if ended else "")
                if shell.left_out:
                    text += f"[left out, as too many, too large or oddly named: {shell.left_out}]\n"
            elif call.name == CREATE.name:
                text = self.create(dialogue, arguments["path"], arguments["text"])
            else:
                text = self.edit(dialogue, **arguments)
        except Refused as refused:
            ended = "refused"
            text = f"Error: {refused}.\n"
        dialogue.reply(
            "tool", text + self.notice(dialogue), tool=call.name, place=0, ended=ended, **self.budget(dialogue)
        )

    def notice(self, dialogue: Dialogue) -> str:
        left = self.budget(dialogue)
        return feedback.budget(left["turns_left"], left["tokens_left"])

    def create(self, dialogue: Dialogue, path: str, text: str) -> str:
        name, data = inside(path), text.encode("utf-8", "replace")
        others = {other: kept for other, kept in dialogue.files.items() if other != name}
        if len(others) >= MOST_FILES or sum(map(len, others.values())) + len(data) > MOST_BYTES:
            raise Refused("the workspace is full")
        if any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in others):
            raise Refused(f"{name} cannot be a file and a folder")
        dialogue.files = {**others, name: data}
        return f"Wrote {name}.\n"

    def edit(self, dialogue: Dialogue, path: str, old: str, new: str) -> str:
        text = self.text_of(dialogue, path)
        found = text.count(old) if old else 0
        if found != 1:
            raise Refused(f"the piece to replace occurs {found} times in {inside(path)}, not once")
        self.create(dialogue, path, text.replace(old, new))
        return f"Edited {inside(path)}.\n"

    def submitted(self, dialogue: Dialogue, path: str) -> str:
        program = self.text_of(dialogue, path)
        if len(program) > LONGEST_PROGRAM:
            raise Refused(f"{inside(path)} is longer than {LONGEST_PROGRAM} characters")
        return program

    def text_of(self, dialogue: Dialogue, path: str) -> str:
        data = dialogue.files.get(inside(path))
        if data is None:
            raise Refused(f"there is no file {inside(path)}")
        return data.decode("utf-8", "replace")


def inside(path: str) -> str:
    """The path of a file in the workspace, in its shortest form. Raises Refused."""
    name = str(PurePosixPath(path.strip()))
    if not is_path(name):
        raise Refused(f"{path.strip()[:50]!r} is no path inside the workspace")
    return name
