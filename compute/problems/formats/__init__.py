"""Problem sets in the formats of the field, one module a format. Reading runs no program and loads no pickle.

A format's `read` yields a `Draft` a problem, or a `Refusal` with one sentence that names the file and the key. What is
refused costs no other problem. Tests' bytes go to the blob store it is given, which the importer keeps or throws away.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from compute.problems.problem import BlobStore, KnownProgram, Problem


class LimitRule(NamedTuple):
    """How a time limit follows from accepted solutions: the slowest one's CPU time x `multiplier`, rounded up to a
    multiple of `resolution` seconds."""

    multiplier: float
    resolution: float


class Draft(NamedTuple):
    """A problem as read. Where `limit_rule` is given the package states no time limit, and `problem.cpu_seconds` only
    bounds the runs that find one. `notes`: what was passed over, a sentence each."""

    problem: Problem
    programs: tuple[KnownProgram, ...] = ()
    limit_rule: LimitRule | None = None
    notes: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """A problem that cannot be read and why."""

    name: str
    reason: str


class Format(NamedTuple):
    """`recognises(path)`: whether a file or folder looks like this format. `read(path, blobs)`: its problems."""

    name: str
    title: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, BlobStore], Iterator[Draft | Refusal]]
