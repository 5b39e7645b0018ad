"""Online fixing (arXiv 2605.28751): attempts of a step that failed are asked about again, each in a prompt of its own.

The prompt is a conversation: the problem, the program that failed, and what its run on all required tests was like in
sum. It tells how many tests ended how and what they cost, never which ones or what they hold. The attempts are those of
the step's own policy, so that a repair is as much on policy as a first answer, and no state lasts from step to step.

Limits: an answer without a program is not repaired, and neither is one that trouble of the infrastructure hid.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from compute.judge.case import Judgement
from compute.judge.verdict import Verdict
from compute.problems.problem import Problem
from compute.rollout.feedback import IN_WORDS
from compute.rollout.reasoning import messages


class Attempt(NamedTuple):
    """A program that failed. `place`: its problem's, in the training's set."""

    place: int
    program: str


def chosen(failed: Sequence[Sequence[Attempt]], most: int) -> list[Attempt]:
    """At most so many of the attempts that failed, which are given by prompt: one of each prompt, then a second of
    each, and so on; a program once a problem."""
    turns = chain.from_iterable(zip_longest(*(dict.fromkeys(attempts) for attempts in failed)))
    return list(dict.fromkeys(attempt for attempt in turns if attempt is not None))[:most]


def conversation(problem: Problem, program: str, run: Judgement) -> list[dict[str, Any]]:
    """What is asked about a program that failed. `run`: of all required tests."""
    return [
        *messages(problem.statement),
        {"role": "assistant", "content": f"```python\n{program}```"},
        {"role": "user", "content": statistics(problem, run)},
    ]


def statistics(problem: Problem, run: Judgement) -> str:
    """The run in sum, a line a figure; tests without a verdict are not counted."""
    counts = Counter(run.letters)
    counted = sum(counts[verdict] for verdict in IN_WORDS)
    lines = [f"{IN_WORDS[verdict]}: {counts[verdict]} of {counted} tests" for verdict in IN_WORDS if counts[verdict]]
    if counts[Verdict.COMPILE_ERROR] == 0:
        most = max(run.memory_bytes, default=0) / (1 << 20)
        lines += [
            f"slowest test: {max(run.cpu_seconds, default=0.0):.2f} s of {problem.cpu_seconds:.2f} s",
            f"most memory: {most:.0f} MiB of {problem.memory_bytes / (1 << 20):.0f} MiB",
        ]
    return "".join(f"{line}\n" for line in lines)
