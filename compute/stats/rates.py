"""Failure-class counts and the rates they give, under either rule of precedence.

*Every test*: one wrong answer or crash anywhere makes a correctness failure, whatever came before it. *First failure*:
the first failing test in size order decides, as a judge that stops early would say. Solved and no answer are the
same under both. `n` leaves out samples that infrastructure spoiled. A rate of no samples is nan, never 0.

It does not read letters of single tests; `compute.judge.verdict` turns those into a class.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rule = Literal["every_test", "first_failure"]

SOLVED, OPTIMISATION, CORRECTNESS, NO_ANSWER = range(4)
CLASSES = ("solved", "optimisation", "correctness", "no_answer")
CLASS_LETTERS = "SOCN"
INFRASTRUCTURE_LETTER = "I"


@dataclass(frozen=True)
class FailureCounts:
    """Counts by class; every array has the same shape (..., problems)."""

    n: Integers
    solved: Integers
    optimisation: Integers
    correctness: Integers
    no_answer: Integers
    first_optimisation: Integers
    first_correctness: Integers
    infrastructure: Integers

    def by(self, rule: Rule = "every_test") -> Integers:
        """Counts (..., problems, 4) in the order of `CLASSES`; they sum to `n` over the last axis."""
        if rule == "first_failure":
            return np.stack([self.solved, self.first_optimisation, self.first_correctness, self.no_answer], axis=-1)
        if rule == "every_test":
            return np.stack([self.solved, self.optimisation, self.correctness, self.no_answer], axis=-1)
        raise ValueError(f"a rule is 'every_test' or 'first_failure', not {rule!r}")


def rates(counts: ArrayLike, n: ArrayLike) -> Floats:
    """Rates (..., problems, classes) from counts of the same shape and `n` (..., problems); nan where n is 0."""
    counts = np.asarray(counts, dtype=np.float64)
    totals = np.asarray(n, dtype=np.float64)[..., None]
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def count_classes(classes: str, first_failures: str, problem: ArrayLike, problems: int) -> FailureCounts:
    """Count samples into problems.

    Args:
        classes: one class letter (S O C N I) a sample, counting every test.
        first_failures: one class letter a sample by the first failing test.
        problem: (samples,) the index of each sample's problem, in 0..problems-1.
    """
    index = np.asarray(problem, dtype=np.int64)
    if not len(classes) == len(first_failures) == index.size:
        raise ValueError(f"{len(classes)} classes, {len(first_failures)} first failures and {index.size} problems")
    every, first = _tally(classes, index, problems), _tally(first_failures, index, problems)
    return FailureCounts(
        n=every[:, :4].sum(axis=1),
        solved=every[:, SOLVED],
        optimisation=every[:, OPTIMISATION],
        correctness=every[:, CORRECTNESS],
        no_answer=every[:, NO_ANSWER],
        first_optimisation=first[:, OPTIMISATION],
        first_correctness=first[:, CORRECTNESS],
        infrastructure=every[:, 4],
    )


def _tally(letters: str, problem: Integers, problems: int) -> Integers:
    """(problems, 5): how often each letter of S O C N I occurs."""
    known = np.frombuffer((CLASS_LETTERS + INFRASTRUCTURE_LETTER).encode(), dtype=np.uint8)
    matches = np.frombuffer(letters.encode("ascii"), dtype=np.uint8)[:, None] == known
    if not matches.any(axis=1).all():
        raise ValueError("a failure class is one of S, O, C, N and I")
    width = len(known)
    return np.bincount(problem * width + matches.argmax(axis=1), minlength=problems * width).reshape(problems, width)
