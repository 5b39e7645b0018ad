"""The tests and known programs of one record, collected and checked before they become a problem.

A suite without tests, with nothing but empty outputs, or with two answers to one input is refused: by comparing outputs
no program could pass it. So is one of more tests than a problem may have. The same test given twice is kept once.
Levels follow from input size. Runs nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from compute.problems.coverage import with_size_levels
from compute.problems.formats import MOST_TESTS
from compute.problems.formats.json_lines import Record, decode
from compute.problems.problem import BlobStore, KnownProgram, TestCase

MOST_PROGRAMS = 25
"""Programs kept of each kind, accepted and not: enough for an audit that has to run them all."""
WRONG = ("WA", "RE", "TLE", "MLE", "OLE", "CE")
"""What is declared of a program that is only known not to be accepted."""
FLOAT_CHECKER = "tokens float_tolerance 1e-6"
_DECIMAL = re.compile(rb"(?<!\S)[-+]?\d+\.\d+(?:[eE][-+]?\d+)?(?!\S)")


class Suite:
    """Tests of `record`, stored in `blobs` as they come."""

    def __init__(self, record: Record, blobs: BlobStore, *, one_answer: bool = True) -> None:
        """`one_answer`: outputs are compared, not checked by a program of the problem's own."""
        self.notes: list[str] = []
        self._record, self._blobs, self._one_answer = record, blobs, one_answer
        self._tests: list[TestCase] = []
        self._answers: dict[str, tuple[str, bytes]] = {}
        self._added = self._repeated = 0
        self._filled = False
        self._decimals = False

    def add(self, key: str, identifier: str, given: bytes, output: bytes, public: bool = False) -> None:
        """A test that stands under `key`. Raises Unreadable when its input has another answer already, or when it is
        one too many."""
        self._added += 1
        if self._added > MOST_TESTS:
            raise self._record.wrong(key, f"brings the tests to more than {MOST_TESTS}")
        sha256 = self._blobs.put(given)
        meaning = hashlib.sha256(b" ".join(output.split())).digest()
        self._filled = self._filled or bool(output.strip())
        self._decimals = self._decimals or bool(_DECIMAL.search(output))
        before = self._answers.setdefault(sha256, (identifier, meaning))
        if before[0] != identifier:
            if self._one_answer and before[1] != meaning:
                complaint = f"has two outputs for one input (tests {before[0]} and {identifier}), so it needs a checker"
                raise self._record.wrong(key, complaint)
            self._repeated += 1
            return
        self._tests.append(
            TestCase(
                identifier=identifier,
                group=1,
                input=sha256,
                output=self._blobs.put(output),
                size_bytes=len(given),
                reference_seconds=0,
                public=public,
            )
        )

    def add_call(self, key: str, identifier: str, arguments: object, result: object, public: bool = False) -> None:
        """A test of a function. Raises Unreadable for arguments that are not a list."""
        if not isinstance(arguments, list):
            raise self._record.wrong(key, f"has arguments that are not a list (test {identifier})")
        self.add(key, identifier, as_json(self._record, key, arguments), as_json(self._record, key, result), public)

    def tests(self, key: str) -> tuple[TestCase, ...]:
        """All of them in size order and levels. Raises Unreadable, blaming `key`, when they can tell nothing."""
        if not self._tests:
            raise self._record.wrong(key, "holds no tests")
        if not self._filled:
            raise self._record.wrong(key, "expects no output in any test")
        if self._repeated:
            self.notes.append(f"Tests left out because their input stood before: {self._repeated}.")
        return tuple(with_size_levels(self._tests))

    @property
    def checker(self) -> str:
        """Tokens are compared; with a tolerance where some expected output has a decimal point."""
        return FLOAT_CHECKER if self._decimals else "tokens"


def as_json(record: Record, key: str, value: object) -> bytes:
    """A value of `key` as compact JSON. Raises Unreadable for what is not: infinities, halves of surrogate pairs."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise record.wrong(key, "is not valid Unicode") from None
    except (ValueError, RecursionError):
        raise record.wrong(key, "holds a value that JSON cannot hold") from None


def json_lines_of(record: Record, key: str, text: object) -> list[Any]:
    """The values of a text with one JSON value a line. Raises Unreadable."""
    if not isinstance(text, str):
        raise record.wrong(key, "holds arguments that are not text")
    try:
        return [decode(line) for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise record.wrong(key, f"holds an argument that is not JSON: {error}") from None


def known_programs(
    record: Record,
    blobs: BlobStore,
    problem: str,
    key: str,
    sources: Iterable[tuple[str | None, object]],
    declared: Sequence[str],
    most: int = MOST_PROGRAMS,
) -> tuple[list[KnownProgram], list[str]]:
    """The first `most` different programs of `sources` (language, text), and a sentence on those left out.

    A language of None is one that the judge does not know. Raises Unreadable for a source that is not text.
    """
    programs: dict[str, KnownProgram] = {}
    foreign = more = 0
    for place, (language, text) in enumerate(sources):
        if language is None:
            foreign += 1
            continue
        data = record.data(key, text)
        if not data.strip():
            continue
        if len(programs) == most:
            more += 1
            continue
        sha256 = blobs.put(data)
        name = f"{key}/{place}"
        program = KnownProgram(problem=problem, name=name, language=language, source=sha256, declared=tuple(declared))
        programs.setdefault(f"{language} {sha256}", program)
    notes = []
    if foreign:
        notes.append(f"{foreign} programs of {key!r} are in languages that are not judged here.")
    if more:
        notes.append(f"Of {key!r} the first {most} programs were kept and {more} left out.")
    return list(programs.values()), notes
