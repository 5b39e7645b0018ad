"""C++ and other interpreters: compiled inside the sandbox, run as isolated as Python, and judged by the same rules."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from compute.configs import JudgeLimits, Toolchain
from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.judge import Judge, Submission
from compute.judge.languages import LANGUAGES, language_named, language_of
from compute.problems.problem import BlobStore
from tests.compute.judging import CPP_SUM, PYTHON_SUM, problem_of

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
ROUND = """
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
char line[1000];
int main() { puts("3"); memset(line, 'x', 999); BODY }
"""


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return BlobStore(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="module")
def judges(blobs):
    """A judge for each layer in which something can be compiled, or why there is none."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++")
    started = {}
    for layer in zygote.LAYERS[:3]:
        try:
            started[layer] = Judge(JudgeLimits(workers=2, output_bytes=1 << 20), blobs, layers=[layer])
        except SandboxError as error:
            started[layer] = error
    yield started
    for judge in started.values():
        if isinstance(judge, Judge):
            judge.close()


@pytest.fixture(params=zygote.LAYERS[:3])
def judge(request, judges):
    if isinstance(found := judges[request.param], SandboxError):
        pytest.skip(str(found))
    return found


@pytest.fixture
def best(judges):
    return next(found for found in judges.values() if isinstance(found, Judge))


def cpp(judge, program, **fields):
    return judge.judge([Submission(program, problem_of(judge._blobs, **fields), language="cpp")])[0]


def test_a_compiled_program_is_judged_on_every_test_with_its_time_and_memory(judge):
    judgement = cpp(judge, CPP_SUM)
    assert judgement.letters == "AAA"
    assert all(0 <= seconds < 0.1 for seconds in judgement.cpu_seconds)
    assert all(0 < size < 32 << 20 for size in judgement.memory_bytes)


@pytest.mark.parametrize(
    ("body", "letters", "rule"),
    [
        ("return 3;", "RRR", "exit 3"),
        ("*(volatile int*)0 = 1;", "RRR", "signal 11"),
        ("if (fork() == 0) puts(\"3\"); return 0;", "AWW", ""),
        ("for (;;) {}", "TTT", "cpu"),
        ("for (;;) memset(malloc(1 << 20), 1, 1 << 20);", "MMM", "peak memory"),
        ("for (;;) puts(line);", "OOO", "output"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_its_letter_and_its_rule(best, body, letters, rule):
    judgement = cpp(best, ROUND.replace("BODY", body), cpu_seconds=0.5)
    assert (judgement.letters, judgement.rules[2]) == (letters, rule)


def test_an_assertion_that_fails_is_an_abort_where_a_program_can_reach_only_itself(judges):
    for layer, judge in judges.items():
        if layer.endswith("namespaces") and isinstance(judge, Judge):
            assert cpp(judge, ROUND.replace("BODY", "abort();")).rules[0] == "signal 6"


def test_a_compile_error_is_one_on_every_test_and_nothing_is_run(best):
    before = best.executions
    judgement = cpp(best, "int main() { return missing; }\n")
    assert (judgement.letters, best.executions) == ("CCC", before)
    assert judgement.message.startswith("program.cpp:1: error: 'missing' was not declared")


@pytest.mark.parametrize(
    "line",
    [
        '#include "/etc/passwd"',
        '#include "../../etc/passwd"',
        '__asm__(".incbin \\"/etc/passwd\\"");',
        '#include "/proc/self/environ"',
        '__asm__(".include \\"/etc/passwd\\"");',
    ],
)
def test_a_message_shows_nothing_of_a_file_that_the_program_tries_to_include(judge, line):
    judgement = cpp(judge, f"{line}\nint main() {{ return 0; }}\n")
    assert judgement.letters == "CCC"
    assert not re.search(r"root:|nobody|/bin/|PATH=", judgement.message)


def test_a_program_that_the_compiler_never_finishes_is_a_compile_error(best):
    bomb = "template<int n> struct A { A<n - 1> a; A<n + 1> b; };\nint main() { A<1> a; }\n"
    assert cpp(best, bomb).letters == "CCC"


@needs_compiler
def test_the_flags_are_the_configurations(blobs):
    program = "#include <cstdio>\nint main() { puts(ANSWER); }\n"
    flags = (*Toolchain().cpp_flags, '-DANSWER="3"')
    with Judge(JudgeLimits(toolchain=Toolchain(cpp_flags=flags)), blobs) as judge:
        assert cpp(judge, program).letters == "AWW"


@needs_compiler
def test_a_dynamically_linked_program_finds_its_libraries_and_nothing_else(blobs):
    program = '#include <fstream>\n#include <iostream>\nint main() { std::ifstream f("/etc/passwd"); std::cout << (f.good() ? 0 : 3) << "\\n"; }\n'  # noqa: E501
    with Judge(JudgeLimits(toolchain=Toolchain(cpp_flags=("-O1",))), blobs) as judge:
        assert cpp(judge, program).letters == "AWW"


@needs_compiler
def test_the_layer_that_cannot_hide_files_refuses_to_compile(blobs):
    try:
        judge = Judge(JudgeLimits(), blobs, layers=["seccomp"])
    except SandboxError as error:
        pytest.skip(str(error))
    with judge, pytest.raises(SandboxError, match="cannot hide files"):
        cpp(judge, CPP_SUM)


def test_another_python_of_the_same_kind_is_kept_warm(blobs):
    other = Path("/usr/bin/python3")
    if not other.exists() or language_named("python").warm(Toolchain(interpreter=other)) is None:
        pytest.skip("there is no second Python")
    with Judge(JudgeLimits(toolchain=Toolchain(interpreter=other)), blobs) as judge:
        found = judge.judge([Submission(PYTHON_SUM, problem_of(blobs)), Submission("x(", problem_of(blobs))])
    assert [one.letters for one in found] == ["AAA", "CCC"]


def test_an_interpreter_that_cannot_be_kept_warm_starts_anew_for_each_run(blobs):
    pypy = shutil.which("pypy3")
    if pypy is None:
        pytest.skip("there is no PyPy")
    with Judge(JudgeLimits(toolchain=Toolchain(interpreter=Path(pypy))), blobs) as judge:
        problem = problem_of(blobs, cpu_seconds=5)
        found = judge.judge([Submission(PYTHON_SUM, problem), Submission("x(", problem)])
    assert [one.letters for one in found] == ["AAA", "CCC"]


def test_an_interpreter_that_is_none_is_refused_by_name(blobs):
    with pytest.raises(SandboxError, match="no Python interpreter"):
        Judge(JudgeLimits(toolchain=Toolchain(interpreter=Path("/bin/false"))), blobs)


def test_languages_are_known_by_name_and_by_suffix():
    assert language_of(Path("a.cc")) is LANGUAGES["cpp"]
    assert language_of(Path("A.PY")) is LANGUAGES["python"]
    assert language_of(Path("a.java")) is None
    with pytest.raises(ValueError, match="No language is called 'cobol'"):
        language_named("cobol")
    assert sys.version.split()[0] in LANGUAGES["python"].version(Toolchain())
