"""A problem, its tests and where they lie on disk.

A problem set is a file of JSON lines, one `Problem` each; the bytes of the tests lie apart, in a content-addressed
folder, so that whatever shows a problem cannot show its hidden tests by accident. Runs and compares nothing.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from compute.configs import Reference, Sha256, one_sentence
from compute.errors import ConfigError, MissingInput

Difficulty = Literal["easy", "medium", "hard"]
MOST_FILES = 100
"""Files of a validator. The judge passes all files of a run at once, the tests' too."""
RESERVED_NAMES = ("input.txt", "answer.txt", "output.txt", "feedback", "program")
"""What the judge itself puts beside a validator."""
Row = TypeVar("Row", bound=BaseModel)


class TestCase(BaseModel):
    """One test. `group` is its coverage level, from 1; `size_bytes` the length of its input; `input` and `output`
    name blobs; `reference_seconds` is the CPU time of the reference program; `checker` replaces the problem's."""

    __test__ = False  # not a test class of pytest's
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    identifier: str = Field(min_length=1, max_length=200)
    group: int = Field(ge=1)
    input: Sha256
    output: Sha256
    size_bytes: int = Field(ge=0)
    reference_seconds: float = Field(ge=0)
    public: bool = False
    checker: str | None = None


class SourceFile(BaseModel):
    """A file of a program: its name (no folder) and its blob."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=100)
    sha256: Sha256


class Validator(BaseModel):
    """A program that decides whether an output is right, as a checker whose name begins with "validator" asks for.

    `icpc`: called with input, answer and a feedback folder, the output on standard input, exit status 42 or 43.
    `testlib`: called with input, output and answer; exit status 0 accepted, 1 or 2 wrong, anything else its own fault.
    The first of `files` is the one to compile or start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    files: tuple[SourceFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    convention: Literal["icpc", "testlib"] = "icpc"

    @model_validator(mode="after")
    def names_are_its_own(self) -> "Validator":
        names = [file.name for file in self.files]
        if reserved := next((name for name in names if name in RESERVED_NAMES), None):
            raise ValueError(f"a validator's file may not be called {reserved}, as a file of the judge's is")
        if len(set(names)) < len(names):
            raise ValueError("two files of a validator have one name")
        return self


class Call(BaseModel):
    """A problem solved by a function. A test's input is a JSON array of arguments, its output the JSON of the result.

    `function` is the name of a function of the program or, where the program defines `class_name`, of a method of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    class_name: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")


class Problem(BaseModel):
    """A task with its limits and its tests in the order of `compute.problems.coverage.size_order`.

    `checker` is one that `compute.judge.checkers.checker_named` knows, or "validator" with the flags for `validator`.
    `limit_source` says in words where `cpu_seconds` comes from, where it is not the problem's own statement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    slug: Reference
    title: str
    statement: str
    difficulty: Difficulty
    tags: tuple[str, ...] = ()
    cpu_seconds: float = Field(gt=0)
    memory_bytes: int = Field(gt=0)
    checker: str = "tokens"
    tests: tuple[TestCase, ...] = Field(min_length=1)
    validator: Validator | None = None
    call: Call | None = None
    level_names: tuple[str, ...] = ()
    limit_source: str = ""

    @model_validator(mode="after")
    def groups_follow_one_another(self) -> "Problem":
        groups = [test.group for test in self.tests]
        if groups != sorted(groups) or set(groups) != set(range(1, groups[-1] + 1)):
            raise ValueError("the tests' groups must ascend from 1 without a gap")
        return self

    @property
    def levels(self) -> int:
        """Number of groups of tests."""
        return self.tests[-1].group

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """As in pydantic, but an identity computed of the original is not the copy's."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("content_sha256", None)
        return copy

    @cached_property
    def content_sha256(self) -> str:
        """Identifies what a solver and the judge see: statement, limits, checker, tests. Slug and tags do not count,
        nor does the reference's run time, which differs from machine to machine."""
        content = self.model_dump(
            mode="json",
            include={
                "statement": True,
                "cpu_seconds": True,
                "memory_bytes": True,
                "checker": True,
                "tests": {"__all__": {"group", "input", "output", "public"}},
            },
        )
        # Named only where a problem has them, so that problems without keep the identity they always had.
        content |= self.model_dump(mode="json", include={"validator", "call"}, exclude_none=True)
        if any(test.checker for test in self.tests):
            content["checkers"] = [test.checker for test in self.tests]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class KnownProgram(BaseModel):
    """A program that came with a problem, and what its author says of it.

    `declared`: the verdicts allowed for the whole suite, in the words of `compute.judge.verdict.suite_verdict`. Empty
    when nothing is declared; a program that is only known to be wrong names every verdict but AC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: Reference
    name: str = Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")
    language: str
    source: Sha256
    declared: tuple[str, ...] = ()


class BlobStore:
    """Bytes by their sha256, below `root`. Several processes may write at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def put(self, data: bytes) -> str:
        """Store `data` unless it is there already. Returns its sha256. Raises OSError when the disk refuses."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Raises MissingInput when no such blob is stored."""
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            raise MissingInput(f"The blob {sha256[:12]}... is not in {self.root}.") from None


def read_problem_set(path: Path) -> list[Problem]:
    """Raises MissingInput when the file is absent and ConfigError, naming the line, when a line is not a problem."""
    return read_rows(path, Problem, f"There is no problem set at {path}.", "a problem")


def read_rows(path: Path, model: type[Row], absent: str, kind: str) -> list[Row]:
    """A `model` a line. Raises MissingInput, saying `absent`, and ConfigError for a line that is not `kind`."""
    try:
        lines = path.read_bytes().splitlines()  # of bytes: in text, U+2028 inside a statement would end a line as well
    except FileNotFoundError:
        raise MissingInput(absent) from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(model.model_validate_json(line))
        except ValidationError as error:
            raise ConfigError(f"Line {number} of {path} is not {kind}: {one_sentence(error)}") from None
    return rows


def write_problem_set(path: Path, problems: Iterable[Problem]) -> str:
    """Write all or nothing. Returns what identifies the set: a hash over slugs and contents, the same wherever it is
    made (the file itself also holds measured run times)."""
    problems = list(problems)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(problem.model_dump_json() + "\n" for problem in problems).encode())
    contents = "".join(f"{problem.slug} {problem.content_sha256}\n" for problem in problems)
    return hashlib.sha256(contents.encode()).hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """A reader sees the whole file or none, also when this process is killed or the disk is full half-way."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)  # not there any more when it has taken the name
