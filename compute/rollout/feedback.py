"""What a policy is told of its program's run on the public samples, and how much of a long text it is shown.

The same words stand in the answers of a tool, in a workspace and in the miniature's supervised corpus.
"""

from collections.abc import Iterable
from typing import NamedTuple

from compute.judge.verdict import Verdict

SHOWN_OF_SAMPLE = 400
IN_WORDS = {
    Verdict.ACCEPTED: "passed",
    Verdict.WRONG_ANSWER: "wrong answer",
    Verdict.RUN_TIME_ERROR: "run-time error",
    Verdict.TIME_LIMIT: "time limit exceeded",
    Verdict.MEMORY_LIMIT: "memory limit exceeded",
    Verdict.OUTPUT_LIMIT: "output limit exceeded",
    Verdict.COMPILE_ERROR: "does not compile",
}


class SampleResult(NamedTuple):
    """A program on one public sample. `errors`: what it wrote to standard error, or its compiler."""

    letter: str
    expected: str
    got: str
    errors: str = ""

    @property
    def passed(self) -> bool:
        return self.letter == Verdict.ACCEPTED


def report(results: Iterable[SampleResult]) -> str:
    """Sample by sample, one line for one that passed; each line is ended."""
    return "".join(_one(number, result) for number, result in enumerate(results, start=1))


def _one(number: int, result: SampleResult) -> str:
    text = f"Sample {number}: {IN_WORDS[Verdict(result.letter)]}\n"
    if result.letter == Verdict.WRONG_ANSWER:
        expected, got = (shortened(one.rstrip("\n"), SHOWN_OF_SAMPLE) for one in (result.expected, result.got))
        return f"{text}expected\n{expected}\ngot\n{got}\n"
    if result.errors and not result.passed:
        return f"{text}{shortened(result.errors.strip().splitlines()[-1], SHOWN_OF_SAMPLE)}\n"
    return text


def shortened(text: str, characters: int) -> str:
    """The beginning and the end of a text too long to show."""
    if len(text) <= characters:
        return text
    half = characters // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def budget(turns: int, tokens: int) -> str:
    """What an answer has left, as it is told after every step."""
    return f"[{turns} turn{'' if turns == 1 else 's'}, {max(tokens, 0)} tokens left]\n"
