"""Verdict letters and what they mean for a sample: one letter a test, one failure class an answer.

Light: the web part reads verdicts with this file. It judges nothing. A sample is judged at a coverage level by the
prefix of its letters that the level covers; letters `-` (not run) say nothing.
"""

from enum import StrEnum


class Verdict(StrEnum):
    ACCEPTED = "A"
    WRONG_ANSWER = "W"
    RUN_TIME_ERROR = "R"
    TIME_LIMIT = "T"
    MEMORY_LIMIT = "M"
    OUTPUT_LIMIT = "O"
    COMPILE_ERROR = "C"
    NO_PROGRAM = "N"
    INFRASTRUCTURE = "I"
    NOT_RUN = "-"


class FailureClass(StrEnum):
    SOLVED = "S"
    OPTIMISATION = "O"
    CORRECTNESS = "C"
    NO_ANSWER = "N"
    INFRASTRUCTURE = "I"


_CLASS_OF = {
    Verdict.ACCEPTED: FailureClass.SOLVED,
    Verdict.WRONG_ANSWER: FailureClass.CORRECTNESS,
    Verdict.RUN_TIME_ERROR: FailureClass.CORRECTNESS,
    Verdict.COMPILE_ERROR: FailureClass.CORRECTNESS,
    Verdict.TIME_LIMIT: FailureClass.OPTIMISATION,
    Verdict.MEMORY_LIMIT: FailureClass.OPTIMISATION,
    Verdict.OUTPUT_LIMIT: FailureClass.OPTIMISATION,
    Verdict.NO_PROGRAM: FailureClass.NO_ANSWER,
    Verdict.INFRASTRUCTURE: FailureClass.INFRASTRUCTURE,
}
_PRECEDENCE = (
    FailureClass.INFRASTRUCTURE,
    FailureClass.NO_ANSWER,
    FailureClass.CORRECTNESS,
    FailureClass.OPTIMISATION,
)


def failure_class(letters: str) -> FailureClass:
    """The class of a sample by precedence: any wrong result is a correctness failure, however many limits it also hit.

    Raises ValueError when no test was run, because such a sample has no class.
    """
    seen = _classes(letters)
    return next((wanted for wanted in _PRECEDENCE if wanted in seen), FailureClass.SOLVED)


def first_failure(letters: str) -> FailureClass:
    """The class of the first test in size order that was not accepted: what a judge that stops early would say."""
    seen = _classes(letters)
    return next((one for one in seen if one is not FailureClass.SOLVED), FailureClass.SOLVED)


SUITE_VERDICTS = {
    Verdict.ACCEPTED: "AC",
    Verdict.WRONG_ANSWER: "WA",
    Verdict.RUN_TIME_ERROR: "RE",
    Verdict.TIME_LIMIT: "TLE",
    Verdict.MEMORY_LIMIT: "MLE",
    Verdict.OUTPUT_LIMIT: "OLE",
    Verdict.COMPILE_ERROR: "CE",
    Verdict.NO_PROGRAM: "NP",
    Verdict.INFRASTRUCTURE: "JE",
}


def suite_verdict(letters: str) -> str:
    """What contest judges call the result of a whole suite: that of the first failing test in size order, else AC.

    Raises ValueError when no test was run.
    """
    run = [letter for letter in letters if letter != Verdict.NOT_RUN]
    if not run:
        raise ValueError("No test of this sample was run.")
    return SUITE_VERDICTS[Verdict(next((letter for letter in run if letter != Verdict.ACCEPTED), run[0]))]


def _classes(letters: str) -> list[FailureClass]:
    classes = [_CLASS_OF[Verdict(letter)] for letter in letters if letter != Verdict.NOT_RUN]
    if not classes:
        raise ValueError("No test of this sample was run.")
    return classes
