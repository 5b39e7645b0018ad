"""Verdict letters of many samples at once: failure class at every coverage level, by both precedence rules.

The numpy form of `compute.judge.verdict`, for whole batches of samples that share their tests' groups. Counts nothing
twice and knows no rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compute.judge.verdict import FailureClass, Verdict, failure_class

# In this order the class of several tests is the largest of their codes, which is the precedence of `failure_class`.
NOT_RUN, SOLVED, OPTIMISATION, CORRECTNESS, NO_ANSWER, INFRASTRUCTURE = range(6)
CODE_OF = {
    FailureClass.SOLVED: SOLVED,
    FailureClass.OPTIMISATION: OPTIMISATION,
    FailureClass.CORRECTNESS: CORRECTNESS,
    FailureClass.NO_ANSWER: NO_ANSWER,
    FailureClass.INFRASTRUCTURE: INFRASTRUCTURE,
}
LETTER_OF_CODE = np.frombuffer(b"-SOCNI", dtype="S1")
_CODE_OF_BYTE = np.zeros(256, dtype=np.uint8)
for _verdict in Verdict:
    if _verdict is not Verdict.NOT_RUN:
        _CODE_OF_BYTE[ord(_verdict)] = CODE_OF[failure_class(_verdict)]


class Tally(NamedTuple):
    """Class codes of samples judged by the first tests of each level.

    failure: (samples, levels), every test counts; first: (samples, levels), the first failing test in size order
    counts. NOT_RUN where a level saw no test.
    """

    failure: NDArray[np.uint8]
    first: NDArray[np.uint8]


def tally(letters: NDArray[np.bytes_], sizes: Sequence[int]) -> Tally:
    """Classify samples at every level.

    letters: (samples,) of as many ASCII letters as the suite has tests; sizes: tests in the first 1, 2, ... levels.
    """
    tests = sizes[-1]
    assert letters.dtype.itemsize == tests
    codes = _CODE_OF_BYTE[np.ascontiguousarray(letters).view(np.uint8).reshape(len(letters), tests)]
    ends = np.asarray(sizes) - 1
    failure = np.maximum.accumulate(codes, axis=1)[:, ends]
    failing = codes > SOLVED
    position = np.where(failing.any(axis=1), failing.argmax(axis=1), tests)
    code_there = np.take_along_axis(codes, np.minimum(position, tests - 1)[:, None], axis=1)
    first = np.where(position[:, None] <= ends[None, :], code_there, np.minimum(failure, SOLVED))
    return Tally(failure, first.astype(np.uint8))


def largest_so_far(values: NDArray[np.float64], sizes: Sequence[int]) -> NDArray[np.float64]:
    """The largest value among each level's tests. values: (samples, tests); returns (samples, levels)."""
    return np.maximum.accumulate(values, axis=1)[:, np.asarray(sizes) - 1]
