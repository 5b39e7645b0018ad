"""APPS, TACO and CodeContests: their shapes of tests, limits, difficulties and solutions."""

import json
from functools import partial

import pytest

from compute.problems.formats import Draft, Refusal
from compute.problems.formats.apps import FORMAT
from compute.problems.formats.suite import MOST_PROGRAMS, WRONG
from compute.problems.problem import BlobStore, Call, read_problem_set, write_problem_set
from tests.compute.records import read_records


def apps(**changes):
    return {
        "problem_id": 7,
        "question": "Print the double.",
        "solutions": json.dumps(["print(2 * int(input()))", "n = int(input())\nprint(n + n)"]),
        "input_output": json.dumps({"inputs": ["1\n", "22\n"], "outputs": ["2\n", "44\n"]}),
        "difficulty": "interview",
        "url": "https://example.org/7",
        "starter_code": "",
    } | changes


def taco(**changes):
    return apps(**{"name": "Double", "difficulty": "VERY_HARD", "time_limit": "2.5 seconds"} | changes)


def contest(**changes):
    return {
        "name": "1_A. Double",
        "description": "Print the double.",
        "public_tests": {"input": ["1\n"], "output": ["2\n"]},
        "private_tests": {"input": ["333\n"], "output": ["666\n"]},
        "generated_tests": {"input": ["22\n"], "output": ["44\n"]},
        "source": 2,
        "difficulty": 7,
        "cf_rating": 0,
        "cf_tags": ["math", ""],
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "memory_limit_bytes": 256_000_000,
        "input_file": "",
        "output_file": "",
        "solutions": {"language": [2, 3, 1, 4], "solution": ["int main(){}", "print(2)", "print 2", "class A {}"]},
        "incorrect_solutions": {"language": [3], "solution": ["print(1)"]},
    } | changes


read = partial(read_records, FORMAT)


def test_apps_is_read_with_its_solutions_and_its_graders_limit(tmp_path):
    (draft,) = read(tmp_path, apps())
    problem, blobs = draft.problem, BlobStore(tmp_path / "blobs")
    assert (problem.slug, problem.difficulty, problem.checker) == ("apps-7", "medium", "tokens")
    assert (problem.cpu_seconds, problem.memory_bytes) == (4.0, 1 << 30)
    assert problem.limit_source == "the 4 s of APPS's own grader; no memory limit is stated"
    assert (draft.states_time, draft.states_memory) == (False, False)
    assert [(blobs.get(test.input), blobs.get(test.output)) for test in problem.tests] == [
        (b"1\n", b"2\n"),
        (b"22\n", b"44\n"),
    ]
    assert [(p.name, p.language, p.declared, blobs.get(p.source)[:5]) for p in draft.programs] == [
        ("solutions/0", "python", ("AC",), b"print"),
        ("solutions/1", "python", ("AC",), b"n = i"),
    ]
    assert {program.problem for program in draft.programs} == {problem.slug}


def test_a_draft_can_be_written_and_read_again(tmp_path):
    problems = [draft.problem for draft in read(tmp_path, apps(), contest())]
    write_problem_set(tmp_path / "set.jsonl", problems)
    assert read_problem_set(tmp_path / "set.jsonl") == problems


def test_taco_states_its_limits_in_words(tmp_path):
    (draft,) = read(tmp_path, taco(memory_limit="256.0 megabytes", tags="['Greedy', 'Data structures']"))
    problem = draft.problem
    assert (problem.cpu_seconds, problem.memory_bytes, problem.limit_source) == (2.5, 256 << 20, "")
    assert (problem.title, problem.difficulty, problem.tags) == ("Double", "hard", ("Greedy", "Data structures"))


def test_a_record_without_a_memory_limit_says_so(tmp_path):
    (draft,) = read(tmp_path, taco(memory_limit=None))
    assert (draft.states_time, draft.states_memory, draft.problem.limit_source) == (
        True,
        False,
        "no memory limit is stated",
    )


def test_code_contests_is_read_whole(tmp_path):
    (draft,) = read(tmp_path, contest())
    problem, blobs = draft.problem, BlobStore(tmp_path / "blobs")
    assert (problem.title, problem.difficulty, problem.tags) == ("1_A. Double", "easy", ("math",))
    assert (problem.cpu_seconds, problem.memory_bytes, problem.limit_source) == (1.5, 256_000_000, "")
    assert [(test.identifier, test.public) for test in problem.tests] == [
        ("public-0001", True),
        ("generated-0001", False),
        ("private-0001", False),
    ]
    assert [(p.name, p.language, p.declared) for p in draft.programs] == [
        ("solutions/0", "cpp", ("AC",)),
        ("solutions/1", "python", ("AC",)),
        ("incorrect_solutions/0", "python", WRONG),
    ]
    assert blobs.get(draft.programs[0].source) == b"int main(){}"
    assert "2 programs of 'solutions' are in languages that are not judged here." in draft.notes


def test_code_contests_with_names_and_lists_of_objects_means_the_same(tmp_path):
    tests = {"public_tests": [{"input": "1\n", "output": "2\n"}], "time_limit": 1.5}
    solutions = {"solutions": [{"language": "CPP", "solution": "int main(){}"}]}
    first, second = read(tmp_path, contest(), contest(name="other", **tests, **solutions))
    assert first.problem.tests == second.problem.tests
    assert second.problem.cpu_seconds == 1.5
    assert second.programs[0].language == "cpp"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cf_rating": 1399}, "easy"),
        ({"cf_rating": 1999}, "medium"),
        ({"cf_rating": 2000}, "hard"),
        ({"difficulty": 10}, "medium"),
        ({"difficulty": 29}, "hard"),
        ({"difficulty": 0}, "medium"),
        ({"difficulty": 999}, "medium"),
        ({"difficulty": "HARDEST"}, "hard"),
    ],
)
def test_difficulty_comes_from_the_rating_or_the_scale(tmp_path, changes, expected):
    assert read(tmp_path, contest(**changes))[0].problem.difficulty == expected


def test_an_unknown_difficulty_is_noted(tmp_path):
    (draft,) = read(tmp_path, taco(difficulty="UNKNOWN_DIFFICULTY"))
    assert "The difficulty is not known and was set to medium." in draft.notes


def test_a_function_problem_becomes_a_call(tmp_path):
    tests = {"fn_name": "double", "inputs": [[1], [2, [3]]], "outputs": [2, [4, 6]]}
    (draft,) = read(tmp_path, apps(input_output=json.dumps(tests), starter_code="def double(n):\n"))
    blobs = BlobStore(tmp_path / "blobs")
    assert draft.problem.call == Call(function="double", class_name="Solution")
    assert draft.problem.checker == "json"
    assert [blobs.get(test.input) for test in draft.problem.tests] == [b"[1]", b"[2,[3]]"]
    assert [blobs.get(test.output) for test in draft.problem.tests] == [b"2", b"[4,6]"]
    assert "def double" in draft.problem.statement


def test_results_that_are_all_wrapped_in_a_list_are_unwrapped_with_a_note(tmp_path):
    tests = {"fn_name": "double", "inputs": [[1], [22]], "outputs": [[2], [44]]}
    (draft,) = read(tmp_path, apps(input_output=json.dumps(tests)))
    assert [BlobStore(tmp_path / "blobs").get(test.output) for test in draft.problem.tests] == [b"2", b"44"]
    assert any("taken as the value itself" in note for note in draft.notes)


def test_tests_given_as_lists_of_lines_are_joined(tmp_path):
    tests = {"inputs": [["1", "2"]], "outputs": [["3", "4"]]}
    (draft,) = read(tmp_path, apps(input_output=json.dumps(tests)))
    assert BlobStore(tmp_path / "blobs").get(draft.problem.tests[0].input) == b"1\n2"


def test_solutions_are_capped_and_told(tmp_path):
    many = [f"print({number})" for number in range(MOST_PROGRAMS + 5)]
    (draft,) = read(tmp_path, apps(solutions=json.dumps(many)))
    assert len(draft.programs) == MOST_PROGRAMS
    assert f"Of 'solutions' the first {MOST_PROGRAMS} programs were kept and 5 left out." in draft.notes


def io(inputs, outputs, **more):
    return {"input_output": json.dumps({"inputs": inputs, "outputs": outputs} | more)}


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (apps(input_output="{"), "input_output"),
        (apps(input_output="[]"), "input_output"),
        (apps(input_output='{"inputs": []}'), "outputs"),
        (apps(**io([], [])), "input_output"),
        (apps(**io(["1", "2"], ["1"])), "input_output"),
        (apps(**io([1], ["1"])), "inputs"),
        (apps(**io([1], [1], fn_name="f")), "input_output"),
        (apps(**io([[1]], [1], fn_name="f()")), "fn_name"),
        (apps(**io([[{"1": 2}]], [1], fn_name="f")), "inputs"),
        (apps(**io(["1", "1"], ["a", "b"])), "input_output"),
        (apps(question=None), "question"),
        (apps(solutions="["), "solutions"),
        (apps(solutions="[1]"), "solutions"),
        (apps(time_limit="soon"), "time_limit"),
        (apps(time_limit=10**400), "time_limit"),
        (apps(time_limit=-1), "time_limit"),
        (apps(memory_limit="9 bytes"), "memory_limit"),
        (apps(memory_limit=1e300), "memory_limit"),
        (apps(problem_id=[1]), "problem_id"),
        (apps(starter_code=3), "starter_code"),
        (contest(public_tests={"input": ["1"], "output": []}), "public_tests"),
        (contest(private_tests=3), "private_tests"),
        (contest(generated_tests={"input": [3], "output": ["x"]}), "generated_tests"),
        (contest(input_file="input.txt"), "input_file"),
        (contest(time_limit={"seconds": "x"}), "time_limit"),
        (contest(memory_limit_bytes=3), "memory_limit_bytes"),
        (contest(solutions={"language": [3], "solution": []}), "solutions"),
        (contest(cf_rating="high"), "cf_rating"),
        (contest(name="\ud800"), "its id is not text"),
    ],
)
def test_a_bad_record_is_refused_by_key_and_costs_no_other(tmp_path, bad, key):
    items = read(tmp_path, apps(problem_id=1), bad, apps(problem_id=2))
    assert [type(item) for item in items] == [Draft, Refusal, Draft]
    assert "set.jsonl, line 2" in items[1].reason
    assert key in items[1].reason
    items[1].reason.encode()
    items[1].name.encode()


def test_a_repeated_id_is_refused_but_two_problems_may_share_a_name(tmp_path):
    items = read(tmp_path, apps(), apps(), taco(problem_id=None, url="a"), taco(problem_id=None, url="b"))
    assert [type(item) for item in items] == [Draft, Refusal, Draft, Draft]
    assert "line 2: the id '7' stands on line 1 already" in items[1].reason
    assert items[2].problem.slug != items[3].problem.slug
