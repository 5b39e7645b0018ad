"""Custom validators and functions to be called: sandboxed like any program, and their faults are never a verdict."""

import shutil

import pytest

from compute.configs import JudgeLimits
from compute.judge.checkers import checker_named, tokens
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore, Call, SourceFile, Validator
from tests.compute.judging import PYTHON_SUM, problem_of

ICPC = """
import sys
given, answer, feedback = (open(name) if place < 2 else name for place, name in enumerate(sys.argv[1:4]))
with open(feedback + "judgemessage.txt", "w") as message:
    message.write("seen")
right = answer.read().split() == sys.stdin.read().split()
sys.exit(42 if right and given.read() and sys.argv[4:] == ["strict", "2"] else 43)
"""
TESTLIB = """
import sys
given, output, answer = (open(name).read().split() for name in sys.argv[1:4])
sys.exit(0 if output == answer else 1)
"""
CPP = """
#include <fstream>
#include <iostream>
#include "tolerance.h"
int main(int count, char **arguments) {
    std::ifstream answer(arguments[2]), leak("/etc/passwd");
    long right = 0, given = -1;
    answer >> right;
    std::cin >> given;
    return !leak.good() && std::abs(right - given) <= TOLERANCE ? 42 : 43;
}
"""


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return BlobStore(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="module")
def judge(blobs):
    with Judge(JudgeLimits(workers=2, output_bytes=1 << 20), blobs) as judge:
        yield judge


def validated(blobs, text, *, language="python", convention="icpc", flags="", more=()):
    files = [("validator.py" if language == "python" else "validator.cpp", text), *more]
    sources = tuple(SourceFile(name=name, sha256=blobs.put(data.encode())) for name, data in files)
    validator = Validator(language=language, files=sources, convention=convention)
    return problem_of(blobs, checker=f"validator {flags}".strip(), validator=validator)


def letters(judge, problem, *programs):
    return [one.letters for one in judge.judge([Submission(program, problem) for program in programs])]


def test_a_validator_reads_input_answer_and_output_writes_feedback_and_decides(judge, blobs):
    problem = validated(blobs, ICPC, flags="strict 2")
    assert letters(judge, problem, PYTHON_SUM, "print(3)") == ["AAA", "AWW"]


def test_a_tests_own_flags_replace_the_problems(judge, blobs):
    problem = validated(blobs, ICPC, flags="strict 1")
    changed = [problem.tests[0].model_copy(update={"checker": "validator strict 2"}), *problem.tests[1:]]
    assert letters(judge, problem.model_copy(update={"tests": tuple(changed)}), PYTHON_SUM) == ["AWW"]


def test_a_checker_of_the_testlib_convention_decides_by_its_exit_status(judge, blobs):
    problem = validated(blobs, TESTLIB, convention="testlib")
    assert letters(judge, problem, PYTHON_SUM, "print(3)") == ["AAA", "AWW"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_a_validator_may_be_several_files_of_cpp_and_sees_no_file_but_its_own(judge, blobs):
    header = ("tolerance.h", "#include <cstdlib>\n#define TOLERANCE 1\n")
    problem = validated(blobs, CPP, language="cpp", more=[header])
    assert letters(judge, problem, PYTHON_SUM, "print(3)") == ["AAA", "AWA"]


@pytest.mark.parametrize(
    "text",
    ["raise ValueError", "import sys; sys.exit(1)", "import sys; sys.exit(0)", "import os; os.abort()", "x ="],
)
def test_a_validator_that_fails_is_infrastructure_trouble_and_never_a_verdict(judge, blobs, text):
    problem = validated(blobs, text)
    judgement = judge.judge([Submission(PYTHON_SUM, problem)])[0]
    assert judgement.letters == "III"
    assert all(rule.startswith("validator") for rule in judgement.rules)


def test_a_program_that_fails_by_itself_is_not_shown_to_the_validator(judge, blobs):
    problem = validated(blobs, "raise ValueError")
    assert letters(judge, problem, "raise ValueError", "while True: pass") == ["RRR", "TTT"]


def test_a_validator_that_is_missing_is_refused_before_anything_runs(judge, blobs):
    with pytest.raises(ValueError, match="needs a validator, and sums has none"):
        letters(judge, problem_of(blobs, checker="validator"), PYTHON_SUM)


# Functions ------------------------------------------------------------------------------------------------------------


def called(blobs, *tests, function="add", class_name=None, checker="json"):
    return problem_of(blobs, tests, call=Call(function=function, class_name=class_name), checker=checker)


def test_a_function_gets_its_arguments_and_its_result_is_compared_as_json(judge, blobs):
    problem = called(blobs, (b"[1, 2]", b"3"), (b'["a", "b"]', b'"ab"'), (b"[[1], [2]]", b"[1, 2]"))
    assert letters(judge, problem, "def add(a, b):\n    print('noise')\n    return a + b") == ["AAA"]


def test_a_method_is_called_on_an_instance_and_starter_codes_names_are_there(judge, blobs):
    program = "class Solution:\n    def top(self, n: List[int]) -> Optional[int]:\n        return heappop(n)\n"
    problem = called(blobs, (b"[[3, 4]]", b"3"), function="top", class_name="Solution")
    assert letters(judge, problem, program, program.replace("class Solution", "class Other")) == ["A", "R"]


@pytest.mark.parametrize(
    ("program", "letter"),
    [
        ("class Everything:\n    def __eq__(self, other): return True\ndef add(a, b): return Everything()", "R"),
        ("class Liar(int):\n    def __eq__(self, other): return True\ndef add(a, b): return Liar(7)", "W"),
        ("import os\ndef add(a, b): os._exit(0)", "W"),
        ("import os\nos._exit(0)", "W"),
        ("def add(a, b): return {3}", "R"),
        ("def add(a, b): return float('nan')", "W"),
        ("def add(a, b): return True + 2.0", "A"),
        ("def add(a, b): return a", "W"),
        ("def add(a): return 3", "R"),
        ("def sub(a, b): return 3", "R"),
        ("def add(a, b):", "C"),
        ("def add(a, b):\n    while True: pass", "T"),
        ("if __name__ == '__main__':\n    raise ValueError\ndef add(a, b): return a + b", "A"),
    ],
)  # fmt: skip
def test_only_a_right_result_is_accepted(judge, blobs, program, letter):
    assert letters(judge, called(blobs, (b"[1, 2]", b"3")), program) == [letter]


def test_the_expected_result_stands_in_no_frame_that_the_program_can_reach(judge, blobs):
    program = (
        "import sys\ndef add(a, b):\n    frame, seen = sys._getframe(), []\n    while frame := frame.f_back:\n"
        "        seen += [repr(frame.f_locals), repr(frame.f_globals)]\n    return str(4710 + 1) in ' '.join(seen)"
    )
    assert letters(judge, called(blobs, (b"[1, 2]", b"4711")), program) == ["W"]
    assert letters(judge, called(blobs, (b"[1, 2]", b"false")), program) == ["A"]


@pytest.mark.parametrize(
    ("output", "expected", "right"),
    [
        (b"1", b"1.0", True),
        (b"1", b"true", False),
        (b"0", b"false", False),
        (b"[1, [2]]", b"[1, [2]]", True),
        (b"[1, 2]", b"[2, 1]", False),
        (b'{"a": 1, "b": 2}', b'{"b": 2, "a": 1}', True),
        (b"NaN", b"NaN", False),
        (b"", b"null", False),
        (b"1.0000001", b"1", False),
        (b"[" * 100_000, b"[]", False),
    ],
)
def test_json_values_are_compared_by_value_and_type(output, expected, right):
    assert checker_named("json")(output, expected) is right


def test_json_numbers_may_differ_by_a_stated_tolerance():
    check = checker_named("json float_tolerance 1e-6")
    assert check(b"[0.3333333]", b"[0.33333333]")
    assert not check(b"[0.3334]", b"[0.3333]")
    assert not check(b"true", b"1.0")
    with pytest.raises(ValueError, match="unknown option 'loosely'"):
        checker_named("json loosely")


def test_white_space_counts_where_a_problem_says_so():
    check = checker_named("tokens case_insensitive space_change_sensitive")
    assert check(b"A b\n", b"a B\n")
    assert not check(b"a  b\n", b"a b\n")
    assert not check(b"a b", b"a b\n")
    assert tokens(b"a  b", b"a b\n")
