"""APPS, TACO and CodeContests as JSON lines: statement, tests as lists, limits where the set has them, solutions.

Difficulty: introductory, interview, competition (APPS) and EASY, MEDIUM or MEDIUM_HARD, HARD or VERY_HARD (TACO) are
easy, medium, hard. CodeContests' Codeforces rating is easy below 1400 and hard from 2000; without a rating its scale
counts (EASY, MEDIUM, HARD and more), or the problem's letter in its contest (A and B easy, C and D medium). What is
unknown is medium. Where no time limit is stated, 4 s is APPS's own grader's. Problems that read files are refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compute.problems.formats import UNKNOWN_DIFFICULTY, Draft, Format, Recipe, Refusal
from compute.problems.formats.json_lines import Record, problem_from, read_records, slug_of
from compute.problems.formats.json_lines import recognises as first_record_has
from compute.problems.formats.livecodebench import with_starter_code
from compute.problems.formats.suite import WRONG, Suite, json_lines_of, known_programs
from compute.problems.problem import BlobStore, Call, Difficulty, KnownProgram

CPU_SECONDS = 4.0
GRADER_LIMIT = "the 4 s of APPS's own grader"
MEMORY_BYTES = 1 << 30
MOST_SECONDS = 600.0
MOST_PAIRS = 100_000
LEAST_MEMORY = 16 << 20
MOST_MEMORY = 1 << 40
_WORDS: dict[str, Difficulty] = {
    **dict.fromkeys(("introductory", "easy", "a", "b"), "easy"),
    **dict.fromkeys(("interview", "medium", "medium_hard", "c", "d"), "medium"),
    **dict.fromkeys(("competition", "hard", "very_hard", "harder", "hardest"), "hard"),
    **dict.fromkeys("efghijklmnopqrstuv", "hard"),
}
# CodeContests writes its scale as the numbers of an enumeration: 1 to 5 are words, 7 to 29 but 18 letters.
_SCALE = (
    "unknown",
    "easy",
    "medium",
    "hard",
    "harder",
    "hardest",
    "external",
    *"abcdefghijk",
    "unknown",
    *"lmnopqrstuv",
)
_LANGUAGES = {2: "cpp", 3: "python", "CPP": "cpp", "PYTHON3": "python", "cpp": "cpp", "python3": "python"}
_MOST_LETTERS = 40
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3}
_BYTES = {"b": 1, "byte": 1, "bytes": 1, "kb": 1 << 10, "kib": 1 << 10, "kilobytes": 1 << 10, "k": 1 << 10, "": 1 << 20}
_BYTES |= {"mb": 1 << 20, "mib": 1 << 20, "m": 1 << 20, "megabyte": 1 << 20, "megabytes": 1 << 20}
_BYTES |= {"gb": 1 << 30, "gib": 1 << 30, "gigabytes": 1 << 30, "gigabyte": 1 << 30}
_TESTS = ("public_tests", "private_tests", "generated_tests")


def recognises(path: Path) -> bool:
    return first_record_has(path, "question", "input_output") or first_record_has(path, "description", "public_tests")


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Recipe | Refusal]:
    """A draft a record; a record that cannot be read costs no other."""
    return read_records(path, lambda record: read_record(record, blobs), identifier)


def identifier(record: Record) -> str:
    """What tells a record from others. Names alone do not: several problems of TACO share one."""
    for key in ("problem_id", "id"):
        if record.has(key):
            value = record.get(key)
            return str(int(record.number(key))) if isinstance(value, int | float) else record.filled(key)
    if not record.has("name"):
        return f"line-{record.line}"
    origin = record.values.get("url") or record.values.get("source") or ""
    return f"{record.filled('name')} {origin}".strip()


def read_record(record: Record, blobs: BlobStore) -> Draft:
    """Raises Unreadable."""
    contest = "input_output" not in record.values
    suite = Suite(record, blobs)
    add_tests = _add_contest_tests if contest else _add_lists
    call = add_tests(suite, record)
    slug = slug_of("apps-" if not contest and record.has("problem_id") else "", identifier(record))
    cpu_seconds, memory_bytes = limits(record)
    missing = [] if cpu_seconds else [GRADER_LIMIT]
    missing += [] if memory_bytes else ["no memory limit is stated"]
    grade, notes = difficulty(record)
    programs, more_notes = _programs(record, blobs, slug)
    tests = suite.tests(_TESTS[0] if contest else "input_output")
    statement = record.filled("description" if contest else "question")
    problem = problem_from(
        record,
        slug=slug,
        title=_title(record),
        statement=with_starter_code(statement, record.text("starter_code", "")),
        difficulty=grade,
        tags=tags(record),
        cpu_seconds=cpu_seconds or CPU_SECONDS,
        memory_bytes=memory_bytes or MEMORY_BYTES,
        checker="json" if call else suite.checker,
        tests=tests,
        call=call,
        limit_source="; ".join(missing),
    )
    return Draft(
        problem,
        tuple(programs),
        notes=(*notes, *suite.notes, *more_notes),
        states_memory=memory_bytes is not None,
        states_time=cpu_seconds is not None,
    )


# Tests ----------------------------------------------------------------------------------------------------------------


def _add_lists(suite: Suite, record: Record) -> Call | None:
    """APPS and TACO: {"inputs": [...], "outputs": [...], "fn_name": ...} as text."""
    inside = record.inside("input_output", record.decoded("input_output"))
    inputs, outputs = inside.items("inputs"), inside.items("outputs")
    if len(inputs) != len(outputs):
        raise record.wrong("input_output", f"has {len(inputs)} inputs and {len(outputs)} outputs")
    name = inside.get("fn_name", "")
    if not name:
        for number, (given, output) in enumerate(zip(inputs, outputs, strict=True), start=1):
            suite.add(
                "input_output", f"{number:04d}", _joined(inside, "inputs", given), _joined(inside, "outputs", output)
            )
        return None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise inside.wrong("fn_name", "is not the name of a function")
    # Sets from Codewars wrap each result in a list, and APPS's grader takes either: here all must agree.
    wrapped = all(isinstance(output, list) and len(output) == 1 for output in outputs)
    if wrapped and outputs:
        suite.notes.append("Every expected result is a list of one value, which is taken as the value itself.")
    for number, (given, output) in enumerate(zip(inputs, outputs, strict=True), start=1):
        arguments = json_lines_of(inside, "inputs", given) if isinstance(given, str) else given
        if _has_number_keys([arguments, output]):
            raise inside.wrong("inputs", f"has objects keyed by numbers (test {number}), which JSON cannot pass")
        suite.add_call("input_output", f"{number:04d}", arguments, output[0] if wrapped else output)
    return Call(function=name, class_name="Solution")


def _joined(record: Record, key: str, value: object) -> bytes:
    """A test's text; some records give it as a list of lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "\n".join(value)
    return record.data(key, value)


def _has_number_keys(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        return any(re.fullmatch(r"-?\d+", key) or _has_number_keys(inner, depth + 1) for key, inner in value.items())
    return isinstance(value, list) and depth < 20 and any(_has_number_keys(inner, depth + 1) for inner in value)


def _add_contest_tests(suite: Suite, record: Record) -> Call | None:
    """CodeContests: three sets of tests, each {"input": [...], "output": [...]}."""
    for key in ("input_file", "output_file"):
        if record.has(key):
            raise record.wrong(key, f"says that programs read and write files ({str(record.get(key))[:60]!r})")
    for key in _TESTS:
        for number, (given, output) in enumerate(pairs(record, key), start=1):
            data = record.data(key, given), record.data(key, output)
            suite.add(key, f"{key.split('_')[0]}-{number:04d}", *data, public=key == "public_tests")
    return None


def pairs(record: Record, key: str, first: str = "input", second: str = "output") -> list[tuple[Any, Any]]:
    """A list of objects, or an object of two lists of one length, as pairs. Raises Unreadable."""
    value = record.decoded(key, [])
    if isinstance(value, list):
        if len(value) > MOST_PAIRS:
            raise record.wrong(key, f"holds {len(value)} objects, more than {MOST_PAIRS}")
        objects = [record.inside(key, item) for item in value]
        return [(item.get(first), item.get(second)) for item in objects]
    inside = record.inside(key, value)
    lefts, rights = inside.items(first, []), inside.items(second, [])
    if len(lefts) != len(rights):
        raise record.wrong(key, f"has {len(lefts)} of {first!r} and {len(rights)} of {second!r}")
    return list(zip(lefts, rights, strict=True))


# Limits, difficulty, tags ---------------------------------------------------------------------------------------------


def limits(record: Record) -> tuple[float | None, int | None]:
    """CPU seconds and bytes of memory, each None where the record states none."""
    seconds = _seconds(record) if record.has("time_limit") else None
    key = "memory_limit_bytes" if record.has("memory_limit_bytes") else "memory_limit"
    return seconds, _memory(record, key) if record.has(key) else None


def _seconds(record: Record) -> float | None:
    value = record.get("time_limit")
    if isinstance(value, dict):
        inside = record.inside("time_limit", value)
        seconds = inside.number("seconds", 0) + inside.number("nanos", 0) / 1e9
        if seconds == 0:
            return None
    elif isinstance(value, str):
        seconds = _amount(record, "time_limit", value, _SECONDS)
    else:
        seconds = record.number("time_limit")
    if not 0 < seconds <= MOST_SECONDS:
        raise record.wrong("time_limit", f"is {seconds:g} s, not between 0 and {MOST_SECONDS:g} s")
    return seconds


def _memory(record: Record, key: str) -> int | None:
    value = record.get(key)
    if isinstance(value, str):
        amount = _amount(record, key, value, _BYTES)
    else:
        amount = record.number(key) * (1 if key == "memory_limit_bytes" else 1 << 20)
    if amount == 0:
        return None  # how CodeContests writes that the limit is not known
    if not LEAST_MEMORY <= amount <= MOST_MEMORY:
        raise record.wrong(key, f"is {amount:.0f} bytes, not between 16 MiB and 1 TiB")
    return int(amount)


def _amount(record: Record, key: str, text: str, units: dict[str, Any]) -> float:
    match = _AMOUNT.fullmatch(text) if len(text) <= _MOST_LETTERS else None
    if not match or match[2].lower() not in units:
        raise record.wrong(key, f"is {text[:40]!r}, not an amount with a unit")
    return float(match[1]) * units[match[2].lower()]


def difficulty(record: Record) -> tuple[Difficulty, list[str]]:
    """As the module says, with a note where the record does not state one."""
    if record.has("cf_rating") and (rating := record.number("cf_rating")) > 0:
        return ("easy" if rating < 1400 else "medium" if rating < 2000 else "hard"), []
    value = record.get("difficulty", "")
    if isinstance(value, int) and not isinstance(value, bool):
        value = _SCALE[value] if 0 <= value < len(_SCALE) else ""
    known = _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    return (known, []) if known else ("medium", [UNKNOWN_DIFFICULTY])


def tags(record: Record) -> tuple[str, ...]:
    """From `cf_tags` or TACO's `tags`, which is the text of a Python list."""
    value = record.values.get("cf_tags") or record.values.get("tags") or []
    words = re.findall(r"'([^']+)'", value) if isinstance(value, str) else value
    return tuple(word for word in words if isinstance(word, str) and word) if isinstance(words, list) else ()


def _title(record: Record) -> str:
    if record.has("name"):
        return record.text("name")
    address = record.values.get("url")
    return address if isinstance(address, str) and address else identifier(record)


# Programs -------------------------------------------------------------------------------------------------------------


def _programs(record: Record, blobs: BlobStore, slug: str) -> tuple[list[KnownProgram], list[str]]:
    accepted, notes = known_programs(record, blobs, slug, "solutions", _sources(record, "solutions"), ("AC",))
    key = "incorrect_solutions"
    wrong, more_notes = known_programs(record, blobs, slug, key, _sources(record, key), WRONG)
    return accepted + wrong, notes + more_notes


def _sources(record: Record, key: str) -> list[tuple[str | None, Any]]:
    """(language, text) of each: a list of texts is Python, else languages stand beside."""
    if not record.has(key):
        return []
    value = record.decoded(key)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return [("python", text) for text in value]
    return [(language_of(name), text) for name, text in pairs(record, key, "language", "solution")]


def language_of(name: object) -> str | None:
    """The judge's name of a language that CodeContests numbers or names; None for one that it does not know."""
    return _LANGUAGES.get(name) if isinstance(name, int | str) and not isinstance(name, bool) else None


FORMAT = Format("apps", "APPS, TACO or CodeContests (JSON lines)", recognises, read)
