"""Online fixing (arXiv 2605.28751): attempts of a step that failed are asked about again, each in a prompt of its own.

The prompt is a conversation: the problem, the program that failed, and what the run that decided its reward was like in
sum. It tells how many tests ended how and what they cost, never which ones or what they hold. The attempts are those of
the step's own policy, so that a repair is as much on policy as a first answer, and no state lasts from step to step.

Limits: the run ended with the first failures, so that the tests after them are told as not run. An answer without a
program is not repaired, and neither is one that trouble of the infrastructure hid.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from compute.judge.case import Judgement
from compute.judge.ruling import Bounds
from compute.judge.verdict import Verdict
from compute.rollout.feedback import IN_WORDS
from compute.rollout.reasoning import messages


class Attempt(NamedTuple):
    """A program that failed. `place`: its problem's, in the training's set."""

    place: int
    program: str
    run: Judgement


def chosen(failed: Sequence[Sequence[Attempt]], most: int) -> list[Attempt]:
    """At most so many of the attempts that failed, which are given by prompt: one of each prompt, then a second of
    each, and so on; a program once a problem."""
    by_prompt = [{(one.place, one.program): one for one in attempts} for attempts in failed]
    turns = chain.from_iterable(zip_longest(*(attempts.values() for attempts in by_prompt)))
    found = {(one.place, one.program): one for one in turns if one is not None}
    return list(found.values())[:most]


def conversation(statement: str, attempt: Attempt, bounds: Bounds) -> list[dict[str, Any]]:
    """What is asked about a program that failed. `bounds`: what it was judged by."""
    return [
        *messages(statement),
        {"role": "assistant", "content": f"```python\n{attempt.program}```"},
        {"role": "user", "content": statistics(attempt.run, bounds)},
    ]


def statistics(run: Judgement, bounds: Bounds) -> str:
    """The run in sum, a line a figure."""
    counts, required = Counter(run.letters), len(run.letters)
    ended = {words: counts[verdict] for verdict, words in IN_WORDS.items()}
    ended["not run"] = required - sum(ended.values())
    lines = [f"{words}: {count} of {required} tests" for words, count in ended.items() if count]
    if counts[Verdict.COMPILE_ERROR] == 0:
        seconds, size = max(run.cpu_seconds, default=0.0), max(run.memory_bytes, default=0)
        lines += [
            f"slowest test: {seconds:.2f} s of {bounds.cpu_seconds:.2f} s",
            f"most memory: {size / (1 << 20):.0f} MiB of {bounds.memory_bytes / (1 << 20):.0f} MiB",
        ]
    return "".join(f"{line}\n" for line in lines)
