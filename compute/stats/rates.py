"""Failure-class counts and the rates they give, under either rule of precedence.

*Every test*: one wrong answer or crash anywhere makes a correctness failure, whatever came before it. *First failure*:
the first failing test in size order decides, as a judge that stops early would say. Solved and no answer are the
same under both. `n` leaves out samples that infrastructure spoiled. A rate of no samples is nan, never 0.

It does not read letters; `compute.judge.tally` turns those into classes.
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
RATE_NAMES = {
    "solved": "solve_rate",
    "optimisation": "optimisation_failure_rate",
    "correctness": "correctness_failure_rate",
    "no_answer": "no_answer_rate",
}


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
    return ratio(np.asarray(counts, dtype=np.float64), np.asarray(n, dtype=np.float64)[..., None])


def ratio(numerator: Floats | Integers, denominator: Floats | Integers) -> Floats:
    """nan where the denominator is 0."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=np.asarray(denominator) > 0)
