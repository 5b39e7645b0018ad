"""CodeContests+ (ByteDance-Seed/Code-Contests-Plus) as JSON lines: checkers, generators and validators with testlib.

The time limit is in milliseconds, the memory limit in MiB. A checker becomes the problem's validator, with our own
`testlib.h` beside it. Records with test cases are drafts; the others are recipes: their generator's commands make the
inputs and an accepted submission the outputs. Our testlib draws other random numbers than the original, so such tests
differ from the published ones. Difficulty is the problem's letter in its contest (A and B easy, C and D medium, later
ones hard), where the id ends in one; else medium. None of the tests is public.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from compute.judge.sandbox import RunLimits
from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, Format, ProgramRunner, Recipe, Refusal
from compute.problems.formats.apps import language_of, pairs
from compute.problems.formats.generated_tests import INPUT_BYTES, Source, generate_tests, read_commands
from compute.problems.formats.json_lines import Record, Unreadable, problem_from, read_records, slug_of
from compute.problems.formats.json_lines import recognises as first_record_has
from compute.problems.formats.suite import WRONG, Suite, known_programs
from compute.problems.problem import BlobStore, Difficulty, KnownProgram, SourceFile, Validator

HEADER = Path(__file__).parents[2] / "judge" / "include" / "testlib.h"
MOST_MILLISECONDS = 600_000
LEAST_MIB, MOST_MIB = 16, 1 << 20
_LETTER = re.compile(r"[_-]([A-Z])\d?$")
_LANGUAGES = {"py3": "PYTHON3", "python3": "PYTHON3", "cpp": "CPP", "c++": "CPP"}
_COMMANDS = ("generator_cmd", "generator_commands", "generate_commands", "commands")


def recognises(path: Path) -> bool:
    return first_record_has(path, "description", "checker", "correct_submissions")


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Recipe | Refusal]:
    """A draft or a recipe a record; a record that cannot be read costs no other."""
    return read_records(path, lambda record: read_record(record, blobs), identifier)


def identifier(record: Record) -> str:
    return str(int(record.number("id"))) if isinstance(record.values.get("id"), int) else record.filled("id")


def read_record(record: Record, blobs: BlobStore) -> Draft | Recipe:
    """Raises Unreadable."""
    plan = _Plan(record, blobs)
    if not record.has("test_cases"):
        return plan.recipe()
    cases = pairs(record, "test_cases")
    for number, (given, output) in enumerate(cases, start=1):
        data = record.data("test_cases", given), record.data("test_cases", output)
        plan.suite.add("test_cases", f"{number:04d}", *data)
    return plan.draft("test_cases")


class _Plan:
    """What is read of one record before its tests are known."""

    def __init__(self, record: Record, blobs: BlobStore) -> None:
        self.record, self.blobs = record, blobs
        self.slug = slug_of("ccplus-", identifier(record))
        self.statement = record.filled("description")
        self.cpu_seconds = _within(record, "time_limit", 1, MOST_MILLISECONDS, "milliseconds") / 1000
        self.memory_bytes = int(_within(record, "memory_limit", LEAST_MIB, MOST_MIB, "MiB") * (1 << 20))
        self.validator = self._validator() if record.has("checker") else None
        self.suite = Suite(record, blobs, one_answer=self.validator is None)
        self.accepted, notes = self._submissions("correct_submissions", ("AC",))
        self.wrong, more_notes = self._submissions("incorrect_submissions", WRONG)
        self.notes = notes + more_notes

    def _validator(self) -> Validator:
        files = self._with_header("checker", "checker.cpp")
        stored = tuple(SourceFile(name=name, sha256=self.blobs.put(data)) for name, data in files.items())
        return Validator(language="cpp", files=stored, convention="testlib")

    def _with_header(self, key: str, name: str) -> dict[str, bytes]:
        return {name: self.record.data(key, self.record.filled(key)), "testlib.h": testlib()}

    def _submissions(self, key: str, declared: tuple[str, ...]) -> tuple[list[KnownProgram], list[str]]:
        sources = [(_language(name), code) for name, code in pairs(self.record, key, "language", "code")]
        return known_programs(self.record, self.blobs, self.slug, key, sources, declared)

    def draft(self, key: str) -> Draft:
        """The problem, once the suite is full. Raises Unreadable, blaming `key`, when it can tell nothing."""
        grade, notes = _difficulty(self.record)
        tests = self.suite.tests(key)
        problem = problem_from(
            self.record,
            slug=self.slug,
            title=self.record.text("title", "") or identifier(self.record),
            statement=self.statement,
            difficulty=grade,
            tags=tuple(filter(None, (self.record.text("source", "") if self.record.has("source") else "",))),
            cpu_seconds=self.cpu_seconds,
            memory_bytes=self.memory_bytes,
            checker="validator" if self.validator else self.suite.checker,
            tests=tests,
            validator=self.validator,
        )
        return Draft(problem, (*self.accepted, *self.wrong), notes=(*self.notes, *notes, *self.suite.notes))

    def recipe(self) -> Recipe:
        """Raises Unreadable when the record lacks what makes tests."""
        key = next((key for key in _COMMANDS if self.record.has(key)), _COMMANDS[0])
        if not self.record.has("generator") or not self.record.has(key):
            raise self.record.wrong("test_cases", "is empty, and there is no generator with commands to make tests")
        lines = self.record.get(key)
        if not isinstance(lines, str) and not (
            isinstance(lines, list) and all(isinstance(line, str) for line in lines)
        ):
            raise self.record.wrong(key, "holds something else than command lines")
        commands, notes = read_commands(lines)
        if not commands:
            raise self.record.wrong(key, "holds no command that can be run")
        if not self.accepted:
            raise self.record.wrong("correct_submissions", "holds no program to make outputs with")
        generator = Source("cpp", self._with_header("generator", "generator.cpp"))
        faithful = (
            Source("cpp", self._with_header("validator", "validator.cpp")) if self.record.has("validator") else None
        )
        self.notes += notes
        return Recipe(identifier(self.record), lambda runner: self._made(runner, generator, commands, faithful))

    def _made(
        self, runner: ProgramRunner, generator: Source, commands: list[list[str]], faithful: Source | None
    ) -> Draft | Refusal:
        """`faithful`: the program that tells whether an input is valid, if there is one."""
        limits = RunLimits(
            cpu_seconds=self.cpu_seconds,
            wall_seconds=max(2.0, 10 * self.cpu_seconds),
            memory_bytes=self.memory_bytes,
            output_bytes=INPUT_BYTES,
        )
        # Compiled programs first: they are the likelier to keep within the limits that the set states.
        solutions = sorted(self.accepted, key=lambda program: program.language != "cpp")
        sources = [Source(one.language, {_FILES[one.language]: self.blobs.get(one.source)}) for one in solutions]
        tests, notes = generate_tests(runner, generator, commands, sources, limits, faithful)
        self.notes += notes
        try:
            for number, test in enumerate(tests, start=1):
                self.suite.add("generator", f"{number:04d}", test.input, test.output)
            return self.draft("generator")
        except Unreadable as error:
            return Refusal(identifier(self.record), " ".join([str(error), *notes[:1]]))


_FILES = {"cpp": "solution.cpp", "python": "solution.py"}


@cache
def testlib() -> bytes:
    """Our testlib.h."""
    return HEADER.read_bytes()


def _within(record: Record, key: str, least: float, most: float, unit: str) -> float:
    value = record.number(key)
    if not least <= value <= most:
        raise record.wrong(key, f"is {value:g} {unit}, not between {least} and {most}")
    return value


def _language(name: object) -> str | None:
    return language_of(_LANGUAGES.get(name.lower(), name.upper()) if isinstance(name, str) else name)


def _difficulty(record: Record) -> tuple[Difficulty, list[str]]:
    match = _LETTER.search(identifier(record))
    if match is None:
        return "medium", [UNKNOWN_DIFFICULTY]
    return ("easy" if match[1] in "AB" else "medium" if match[1] in "CD" else "hard"), []


FORMAT = Format("codecontests_plus", "CodeContests+ (JSON lines)", recognises, read)
