"""One program run once more on a public test: what it writes, how it ends, and that hidden tests are refused."""

import pytest
from pydantic import ValidationError

from compute.configs import InspectConfig, JudgeLimits, ProblemSetSource
from compute.errors import ConfigError
from compute.judge.inspecting import SHOWN_BYTES, run
from tests.compute.judging import CPP_SUM, PYTHON_SUM, problem_of


@pytest.fixture
def look(tmp_path, blobs):
    """`look(program)` runs it on the first test, which is public; the others are hidden."""
    problem = problem_of(blobs)
    public = problem.tests[0].model_copy(update={"public": True})
    path = tmp_path / "set.jsonl"
    path.write_text(problem.model_copy(update={"tests": (public, *problem.tests[1:])}).model_dump_json() + "\n")

    def at(program, test=1, problem="sums", **values):
        config = InspectConfig(
            problems=ProblemSetSource(reference="set", path=path, blobs=blobs.root),
            problem=problem,
            test=test,
            program=program,
            **values,
        )
        return run(config, lambda event: None, lambda: False)

    return at


@pytest.mark.parametrize(
    ("program", "letter", "got", "error"),
    [
        (PYTHON_SUM, "A", "3\n", ""),
        ("print(4)", "W", "4\n", ""),
        ("print(1)\nraise ValueError('lost')", "R", "1\n", "ValueError: lost"),
        ("import sys\nprint(3)\nprint('why', file=sys.stderr)", "A", "3\n", "why"),
        ("print(\n", "C", "", "SyntaxError"),
    ],
)
def test_what_a_program_writes_comes_back_with_its_verdict(look, program, letter, got, error):
    found = look(program)
    assert (found["letter"], found["got"]) == (letter, got)
    assert error in found["error_output"]
    assert "rlimits" in found["isolation"]


def test_a_program_in_cpp_is_built_and_run(look):
    assert look(CPP_SUM, language="cpp")["letter"] == "A"
    refused = look("int main() { return x; }", language="cpp")
    assert refused["letter"] == "C"
    assert "x" in refused["error_output"]


def test_limits_hold_and_a_long_output_is_cut(look):
    slow = look("while True: pass", limits=JudgeLimits(cpu_seconds=0.2))
    assert slow["letter"] == "T"
    assert slow["cpu_seconds"] > 0.2
    long = look("print('x' * 100000)")
    assert len(long["got"]) == SHOWN_BYTES
    assert long["got_bytes"] == 100_001


@pytest.mark.parametrize(
    ("test", "problem", "said"), [(2, "sums", "hidden"), (9, "sums", "no test 9"), (1, "x", "not in")]
)
def test_hidden_and_absent_tests_are_refused(look, test, problem, said):
    with pytest.raises(ConfigError, match=said):
        look(PYTHON_SUM, test=test, problem=problem)


def test_an_unknown_language_is_refused(look):
    with pytest.raises(ConfigError):
        look(PYTHON_SUM, language="cobol")
    with pytest.raises(ValidationError):
        look(PYTHON_SUM, test=0)
