"""LiveCodeBench's code generation sets (`code_generation` and `code_generation_lite`) as JSON lines.

Problems are solved by a program that reads standard input or, where the tests are "functional", by a method of a class
`Solution`; a functional test's input is one JSON value a line, its arguments in order. Private tests may be packed (see
`packed_tests`). The difficulty is the set's own. The set states no limits: its grader allows 6 s, memory is our choice.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compute.problems.formats import MOST_TESTS, Draft, Format, Recipe, Refusal
from compute.problems.formats.json_lines import Record, decode, problem_from, read_records, slug_of
from compute.problems.formats.json_lines import recognises as first_record_has
from compute.problems.formats.packed_tests import unpack
from compute.problems.formats.suite import Suite, json_lines_of
from compute.problems.problem import BlobStore, Call

CPU_SECONDS = 6.0
MEMORY_BYTES = 1 << 30
LIMIT_SOURCE = "the 6 s of LiveCodeBench's own grader; no memory limit is stated"
_DIFFICULTIES = ("easy", "medium", "hard")
_FUNCTION = re.compile(r"def\s+([A-Za-z_]\w*)\s*\(")


def recognises(path: Path) -> bool:
    return first_record_has(path, "question_id", "question_content", "public_test_cases", "private_test_cases")


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Recipe | Refusal]:
    """A draft a record; a record that cannot be read costs no other."""
    return read_records(path, lambda record: read_record(record, blobs), identifier)


def identifier(record: Record) -> str:
    return record.filled("question_id")


def read_record(record: Record, blobs: BlobStore) -> Draft:
    """Raises Unreadable."""
    public = _cases(record, "public_test_cases")
    private = _cases(record, "private_test_cases")
    kinds = {case.text("testtype", "stdin") for case in (*public, *private)}
    if len(kinds) > 1 or not kinds <= {"stdin", "functional"}:
        raise record.wrong("private_test_cases", f"mixes or misnames kinds of tests: {str(sorted(kinds))[:80]}")
    starter = record.text("starter_code", "")
    call = _call(record, starter) if kinds == {"functional"} else None
    suite = Suite(record, blobs)
    for key, cases in (("public_test_cases", public), ("private_test_cases", private)):
        for number, case in enumerate(cases, start=1):
            _add(suite, case, key, f"{key.split('_')[0]}-{number:04d}", call)
    difficulty = record.text("difficulty").lower()
    if difficulty not in _DIFFICULTIES:
        raise record.wrong("difficulty", f"is {difficulty[:40]!r}, not easy, medium or hard")
    tests = suite.tests("public_test_cases")
    problem = problem_from(
        record,
        slug=slug_of("lcb-", identifier(record)),
        title=record.text("question_title", "") or identifier(record),
        statement=with_starter_code(record.filled("question_content"), starter),
        difficulty=difficulty,
        tags=tuple(filter(None, (record.text("platform", ""), record.text("contest_date", "")[:10]))),
        cpu_seconds=CPU_SECONDS,
        memory_bytes=MEMORY_BYTES,
        checker="json" if call else "tokens",  # its grader compares numbers exactly
        tests=tests,
        call=call,
        limit_source=LIMIT_SOURCE,
    )
    return Draft(problem, notes=tuple(suite.notes), states_memory=False, states_time=False)


def with_starter_code(statement: str, starter: str) -> str:
    """A statement that also shows the code to begin with, without which nobody knows a function's name."""
    return f"{statement.rstrip()}\n\n```python\n{starter.rstrip()}\n```\n" if starter.strip() else statement


def _cases(record: Record, key: str) -> list[Record]:
    value: Any = record.get(key, "[]")
    if isinstance(value, str):
        value = _unpacked(record, key, value.strip() or "[]")
    if not isinstance(value, list):
        raise record.wrong(key, "is not a list of tests")
    if len(value) > MOST_TESTS:
        raise record.wrong(key, f"holds {len(value)} tests, more than {MOST_TESTS}")
    return [record.inside(key, case) for case in value]


def _unpacked(record: Record, key: str, text: str) -> Any:
    try:
        return decode(text if text.startswith("[") else unpack(text))
    except ValueError as error:
        words = str(error)
        raise record.wrong(key, words if words.startswith(("is ", "unpacks")) else f"is not JSON: {words}") from None


def _call(record: Record, starter: str) -> Call:
    """What to call: metadata's func_name, else the first function of the starter code."""
    metadata = record.decoded("metadata", {})
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    if name is None and (match := _FUNCTION.search(starter)):
        name = match[1]
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise record.wrong("metadata", "names no function (func_name), and the tests are functional")
    return Call(function=name, class_name="Solution" if re.search(r"class\s+Solution\b", starter) else None)


def _add(suite: Suite, case: Record, key: str, name: str, call: Call | None) -> None:
    given, output = case.text("input", ""), case.text("output")
    if call is None:
        suite.add(key, name, case.data("input", given), case.data("output", output), key.startswith("public"))
        return
    results = json_lines_of(case, "output", output)
    if len(results) != 1:
        raise case.wrong("output", f"holds {len(results)} JSON values, not one")
    suite.add_call(key, name, json_lines_of(case, "input", given), results[0], key.startswith("public"))


FORMAT = Format("livecodebench", "LiveCodeBench code generation", recognises, read)
