"""The setting with tools: the model may run Python between its thoughts, and try its program on the public samples.

A turn without a call is an attempt. One that passes the public samples, or the last that is allowed, is graded; after
any other the model is told what the samples said, and only that (arXiv 2605.28751). Where the turns or the tokens run
out, the last attempt is graded.
"""

from compute.problems.problem import Problem
from compute.rollout import feedback, transcript
from compute.rollout.calls import Call, Parsed
from compute.rollout.dialogue import Dialogue, Dialogues, Tool
from compute.rollout.engines import Completion
from compute.rollout.reasoning import program_from
from compute.rollout.tool_rooms import ToolRoom

PYTHON = Tool(
    "python",
    "Runs a Python program in a fresh process without network or files and returns what it prints.",
    {"code": "the whole program"},
)
NO_CALLS_LEFT, TOO_MANY_AT_ONCE = "no call is left", "too many calls at once"


class ToolDialogues(Dialogues):
    setting = "tools"
    tools = {PYTHON.name: PYTHON}

    def opening(self, problem: Problem) -> list[dict[str, str]]:
        form = (
            f"defines the function {problem.call.function}"
            if problem.call
            else "reads standard input and writes standard output"
        )
        words = (
            f"Solve the problem with a Python program that {form}. You may"
            f" call the tool python, at most {self.limits.calls} times, each at most {self.limits.call_seconds:g} s."
            " When you are done, write the program in one ```python block; it is tried on the public samples, and you"
            f" may revise it {self.limits.attempts - 1} times."
        )
        return [{"role": "system", "content": words}, {"role": "user", "content": problem.statement}]

    def react(self, dialogue: Dialogue, completion: Completion, room: ToolRoom) -> None:
        parsed, problems = self.read(completion)
        if parsed.calls:
            self.run_calls(dialogue, completion, parsed, self.capped(dialogue, problems), room)
            return
        dialogue.say(completion, parsed, problems)
        program = program_from(completion.text)
        if program is None:
            dialogue.end(transcript.CUT_OFF if completion.finish == "length" else transcript.ANSWERED)
            return
        self.attempt(dialogue, program, room)

    def capped(self, dialogue: Dialogue, problems: list[str]) -> list[str]:
        """The refusals with those of calls for which there is no room."""
        left = self.limits.calls - dialogue.calls
        capped = []
        for place, problem in enumerate(problems):
            if place >= self.limits.calls_per_turn:
                problem = TOO_MANY_AT_ONCE
            elif not problem and left <= 0:
                problem = NO_CALLS_LEFT
            left -= not problem
            capped.append(problem)
        return capped

    def run_calls(
        self, dialogue: Dialogue, completion: Completion, parsed: Parsed, problems: list[str], room: ToolRoom
    ) -> None:
        dialogue.say(completion, parsed, problems)
        place, unread = 0, []
        for call, problem in zip(parsed.calls, problems, strict=True):
            if not isinstance(call, Call):
                unread.append(f"Error: {problem}.\n")
                continue
            if problem:
                dialogue.reply("tool", f"Error: {problem}.\n", tool=call.name, place=place, **self.budget(dialogue))
            else:
                dialogue.calls += 1
                ran = room.python(str(call.arguments["code"]))
                text = self.shown(ran.output) + (f"\n[{ran.ended}]\n" if ran.ended else "")
                dialogue.reply("tool", text, tool=call.name, place=place, ended=ran.ended, **self.budget(dialogue))
            place += 1
        if unread:  # after the tools' answers, which servers want right after the calls
            dialogue.reply("user", "".join(unread), **self.budget(dialogue))
        self.count_mistake(dialogue, made=all(problems))

    def attempt(self, dialogue: Dialogue, program: str, room: ToolRoom) -> None:
        dialogue.attempts += 1
        dialogue.program = program
        dialogue.mistakes = 0
        results = self.on_samples(room, dialogue.problem, program)
        if all(result.passed for result in results):
            dialogue.end(transcript.ANSWERED)
        elif dialogue.attempts >= self.limits.attempts:
            dialogue.end(transcript.OUT_OF_ATTEMPTS)
        else:
            dialogue.reply("user", feedback.report(results), **self.budget(dialogue))
