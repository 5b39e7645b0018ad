"""Problem sets in the formats of the field, one module a format. Reading runs no program and loads no pickle.

A format's `read` yields a `Draft` a problem, or a `Refusal` with one sentence that names the file and the key. What is
refused costs no other problem. Tests' bytes go to the blob store it is given, which the importer keeps or throws away.
A problem whose tests only its own programs can make comes as a `Recipe`, which `generated_tests.finished` carries out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from compute.errors import ComputeError
from compute.problems.problem import BlobStore, KnownProgram, Problem

if TYPE_CHECKING:
    from compute.judge.sandbox import Run, RunLimits

Made = TypeVar("Made")
MOST_TESTS = 10_000
"""Tests of one problem: as many letters as a sample's record can hold."""
UNKNOWN_DIFFICULTY = "The difficulty is not known and was set to medium."
"""The note of a draft whose source does not tell how hard the problem is."""


class LimitRule(NamedTuple):
    """How a time limit follows from accepted solutions: the slowest one's CPU time x `multiplier`, rounded up to a
    multiple of `resolution` seconds."""

    multiplier: float
    resolution: float


class Draft(NamedTuple):
    """A problem as read. Where `limit_rule` is given the package states no time limit, and `problem.cpu_seconds` only
    bounds the runs that find one. `states_memory` and `states_time` are false where it states no such limit and the
    problem has one that is customary for it. `notes`: what was passed over, a sentence each."""

    problem: Problem
    programs: tuple[KnownProgram, ...] = ()
    limit_rule: LimitRule | None = None
    notes: tuple[str, ...] = ()
    states_memory: bool = True
    states_time: bool = True


class Refusal(NamedTuple):
    """A problem that cannot be read and why."""

    name: str
    reason: str


def attempt(name: str, make: Callable[[], Made]) -> Made | Refusal:
    """What `make` returns, or a refusal of `name` for an error that no reader foresaw.

    Passes on what is not the package's fault: whatever ends a job (`ComputeError`), a full disk, no memory left.
    """
    try:
        return make()
    except (ComputeError, OSError, MemoryError):
        raise
    # Broad, since anybody writes packages and libraries read them: none that makes one stumble may cost the others.
    except Exception as error:
        words = (str(error).splitlines() or [""])[0][:200].rstrip(". ")
        return Refusal(as_text(name), as_text(f"{name} could not be read: {type(error).__name__}: {words}."))


def as_text(text: str) -> str:
    """`text` as it can be written and stored anywhere: halves of surrogate pairs are spelled out, zeros replaced."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")


class ProgramRunner(Protocol):
    """Runs one program in a sandbox, compiled where its language asks for that. The first of `files` is its source."""

    def run(
        self, language: str, files: Mapping[str, bytes], arguments: Sequence[str], stdin: bytes, limits: "RunLimits"
    ) -> "Run": ...


class Recipe(NamedTuple):
    """A problem whose tests are made by running programs that came with it; `make` does so in a sandbox."""

    name: str
    make: Callable[[ProgramRunner], Draft | Refusal]


class Format(NamedTuple):
    """`recognises(path)`: whether a file or folder looks like this format. `read(path, blobs)`: its problems."""

    name: str
    title: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, BlobStore], Iterator[Draft | Recipe | Refusal]]
