"""CodeContests+ and testlib.h: checkers that compile and judge, and tests that a record's own generator makes."""

from functools import partial

import pytest

from compute.configs import JudgeLimits, Toolchain
from compute.judge.languages import language_named
from compute.judge.sandbox import RunLimits, SealedFile, open_sandbox
from compute.judge.workshop import Workshop
from compute.problems.formats import Recipe, Refusal
from compute.problems.formats.codecontests_plus import FORMAT, testlib
from compute.problems.formats.generated_tests import MOST_COMMANDS, Bench, finished, read_commands
from compute.problems.formats.suite import WRONG
from compute.problems.problem import BlobStore
from tests.compute.records import read_records

testlib.__test__ = False  # the header, not a test

# Compiling is what takes the time here.
QUICK = Toolchain(cpp_flags=("-O0", "-std=gnu++20", "-static"))
LIMITS = RunLimits(cpu_seconds=5, wall_seconds=20, memory_bytes=512 << 20, output_bytes=1 << 20)
GENERATOR = """#include "testlib.h"
int main(int argc, char* argv[]) {
    registerGen(argc, argv, 1);
    int n = opt<int>("n");
    if (n > 1000) quitf(_fail, "too large");
    println(n);
    println(rnd.perm(n, 1));
}
"""
CHECKER = """#include "testlib.h"
int main(int argc, char* argv[]) {
    registerTestlibCmd(argc, argv);
    long long expected = ans.readLong(), found = ouf.readLong();
    if (expected != found) quitf(_wa, "expected %lld, found %lld", expected, found);
    quitf(_ok, "right");
}
"""
VALIDATOR = """#include "testlib.h"
int main(int argc, char* argv[]) {
    registerValidation(argc, argv);
    int n = inf.readInt(1, 50, "n");
    inf.readEoln();
    inf.readInts(n, 1, n, "a");
    inf.readEoln();
    inf.readEof();
}
"""
SUM = """#include <cstdio>
int main() { long long n, s = 0, x; scanf("%lld", &n); while (scanf("%lld", &x) == 1) s += x; printf("%lld", s); }"""


def record(**changes):
    return {
        "source": "Codeforces",
        "id": "1575_C",
        "title": "Sum",
        "description": "Print the sum.",
        "time_limit": 2000,
        "memory_limit": 256,
        "validator": VALIDATOR,
        "generator": GENERATOR,
        "generator_cmd": "./gen -n 5\n./gen -n 3\n./gen -n 40",
        "checker": CHECKER,
        "correct_submissions": [{"code": SUM, "language": "CPP"}],
        "incorrect_submissions": [{"code": "print(1)", "language": "py3"}, {"code": "x", "language": "JAVA"}],
        "test_cases": [],
    } | changes


read = partial(read_records, FORMAT)


@pytest.fixture(scope="module")
def bench(workshop):
    return Bench(workshop)


@pytest.fixture(scope="module")
def workshop():
    sandbox = open_sandbox()
    sandbox.close()
    with Workshop(sandbox.layer, QUICK) as opened:
        yield opened


def test_a_record_with_tests_is_a_draft_with_its_checker_as_validator(tmp_path):
    cases = [{"input": "2\n1 2\n", "output": "3\n"}, {"input": "1\n1\n", "output": "1\n"}]
    (draft,) = read(tmp_path, record(test_cases=cases))
    problem, blobs = draft.problem, BlobStore(tmp_path / "blobs")
    assert (problem.slug, problem.title, problem.difficulty, problem.tags) == (
        "ccplus-1575_C",
        "Sum",
        "medium",
        ("Codeforces",),
    )
    assert (problem.cpu_seconds, problem.memory_bytes, problem.limit_source) == (2.0, 256 << 20, "")
    assert problem.checker == "validator"
    assert (problem.validator.language, problem.validator.convention) == ("cpp", "testlib")
    assert [file.name for file in problem.validator.files] == ["checker.cpp", "testlib.h"]
    assert blobs.get(problem.validator.files[1].sha256) == testlib()
    assert [blobs.get(test.input) for test in problem.tests] == [b"1\n1\n", b"2\n1 2\n"]
    assert [(p.name, p.language, p.declared) for p in draft.programs] == [
        ("correct_submissions/0", "cpp", ("AC",)),
        ("incorrect_submissions/0", "python", WRONG),
    ]
    assert draft.notes == ("1 programs of 'incorrect_submissions' are in languages that are not judged here.",)


def test_columns_in_place_of_lists_mean_the_same(tmp_path):
    cases = {"input": ["1\n1\n"], "output": ["1\n"]}
    correct = {"code": [SUM, "print 1"], "language": ["CPP", "PY2"]}
    (draft,) = read(tmp_path, record(test_cases=cases, correct_submissions=correct, checker=None))
    assert [program.language for program in draft.programs] == ["cpp", "python"]
    assert (draft.problem.checker, draft.problem.validator) == ("tokens", None)


def test_two_answers_to_one_input_are_no_contradiction_with_a_checker(tmp_path):
    cases = [{"input": "1", "output": "1"}, {"input": "1", "output": "2"}]
    (draft,) = read(tmp_path, record(test_cases=cases))
    assert len(draft.problem.tests) == 1


def test_a_record_without_tests_has_them_made_by_its_own_programs(tmp_path):
    (recipe,) = read(tmp_path, record())
    assert isinstance(recipe, Recipe)
    (draft,) = finished([recipe], JudgeLimits(toolchain=QUICK))
    blobs = BlobStore(tmp_path / "blobs")
    inputs = [blobs.get(test.input) for test in draft.problem.tests]
    assert [int(given.split()[0]) for given in inputs] == [3, 5, 40]
    assert all(
        sorted(given.split()[1:], key=int) == [b"%d" % (n + 1) for n in range(int(given.split()[0]))]
        for given in inputs
    )
    assert [blobs.get(test.output) for test in draft.problem.tests] == [b"6", b"15", b"820"]
    assert draft.problem.checker == "validator"


def test_making_the_same_tests_twice_gives_the_same_problem(tmp_path, bench):
    first, second = (read(tmp_path, record())[0].make(bench) for _ in range(2))
    assert first.problem.content_sha256 == second.problem.content_sha256


def test_what_the_generator_does_wrong_costs_that_test_alone(tmp_path, bench):
    (recipe,) = read(tmp_path, record(generator_cmd="./gen -n 5\n./gen -n 99999\n./gen -n 60\n./gen -n 2 | cat"))
    draft = recipe.make(bench)
    assert len(draft.problem.tests) == 1
    text = " ".join(draft.notes)
    assert "The generator failed with the arguments '-n 99999'" in text
    assert "made with '-n 60' is not valid by the problem's validator" in text
    assert "'./gen -n 2 | cat' needs a shell and was passed over" in text


def test_a_slow_accepted_program_is_passed_over_for_the_next(tmp_path, bench):
    correct = [
        {"code": "int main() { for (volatile int i = 0;; i = i + 1); }", "language": "CPP"},
        {"code": SUM, "language": "CPP"},
    ]
    (recipe,) = read(tmp_path, record(correct_submissions=correct, time_limit=300))
    draft = recipe.make(bench)
    assert len(draft.problem.tests) == 3
    assert not any("no output" in note for note in draft.notes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"generator": "int main() {"}, "the key 'generator' holds no tests. The generator does not compile"),
        ({"correct_submissions": [{"code": "nonsense", "language": "CPP"}]}, "3 of 3 generated inputs have no output"),
        ({"validator": "int main() {"}, "could not be checked: the problem's validator does not compile"),
    ],
)
def test_a_recipe_that_makes_nothing_is_refused_with_the_reason(tmp_path, bench, changes, complaint):
    (recipe,) = read(tmp_path, record(**changes))
    refusal = recipe.make(bench)
    assert isinstance(refusal, Refusal)
    assert complaint in refusal.reason


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"id": None}, "id"),
        ({"description": ""}, "description"),
        ({"time_limit": "2 s"}, "time_limit"),
        ({"time_limit": 0}, "time_limit"),
        ({"memory_limit": 1e18}, "memory_limit"),
        ({"checker": 3}, "checker"),
        ({"correct_submissions": [{"language": "CPP"}]}, "code"),
        ({"correct_submissions": []}, "correct_submissions"),
        ({"correct_submissions": {"code": ["x"], "language": []}}, "correct_submissions"),
        ({"generator": ""}, "test_cases"),
        ({"generator_cmd": None}, "test_cases"),
        ({"generator_cmd": [3]}, "generator_cmd"),
        ({"generator_cmd": "./gen | sort"}, "generator_cmd"),
        ({"test_cases": [{"input": "1"}]}, "output"),
        ({"test_cases": "x"}, "test_cases"),
    ],
)
def test_a_bad_record_is_refused_by_key_and_costs_no_other(tmp_path, changes, key):
    items = read(tmp_path, record(id="first"), record(**changes), record(id="last"))
    assert [type(item) for item in items] == [Recipe, Refusal, Recipe]
    assert "set.jsonl, line 2" in items[1].reason
    assert f"'{key}'" in items[1].reason


def test_commands_lose_the_generators_name_and_redirections():
    commands, notes = read_commands('./gen -n 5 > 1.in\n\n# larger\ngen -s "a b"\n-n 7\n./a; rm x')
    assert commands == [["-n", "5"], ["-s", "a b"], ["-n", "7"]]
    assert len(notes) == 1
    commands, notes = read_commands(["./gen 1"] * (MOST_COMMANDS + 1))
    assert len(commands) == MOST_COMMANDS
    assert "Only the first" in notes[0]


# testlib.h ------------------------------------------------------------------------------------------------------------


def judged(workshop, source, files, arguments=(), stdin=b"", name="main.cpp"):
    """`name`: a workshop that has compiled the program under it already need not do so again."""
    program = {name: source.encode(), "testlib.h": testlib()}
    built = workshop.build(language_named("cpp"), program)
    assert built.error is None, built.error
    box = {name: SealedFile(data) for name, data in files.items()}
    with SealedFile(stdin) as given:
        (run,) = workshop.start(built, [given], LIMITS, arguments=arguments or list(files), box=box)
    return run


@pytest.mark.parametrize(
    ("output", "answer", "status"),
    [
        (b"3\n", b"3", 0),
        (b" 3 \r\n\n", b"3", 0),
        (b"4", b"3", 1),
        (b"", b"3", 2),
        (b"x", b"3", 2),
        (b"03", b"3", 2),
        (b"99999999999999999999", b"3", 2),
        (b"3 3", b"3", 2),
        (b"3", b"", 3),
        (b"3", b"x", 3),
    ],
)
def test_a_checker_ends_with_the_status_of_its_verdict(workshop, output, answer, status):
    run = judged(workshop, CHECKER, {"input": b"", "output": output, "answer": answer})
    assert run.status >> 8 == status


def test_a_checker_without_a_verdict_has_failed(workshop):
    source = '#include "testlib.h"\nint main(int c, char** v) { registerTestlibCmd(c, v); return 0; }'
    run = judged(workshop, source, {"input": b"", "output": b"", "answer": b""})
    assert run.status >> 8 == 3


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (b"2\n1 2\n", 0),
        (b"2\n1 2", 3),
        (b"2\n1  2\n", 3),
        (b"2\n1 3\n", 3),
        (b"2\r\n1 2\n", 3),
        (b"2\n1 2\n\n", 3),
        (b"51\n1\n", 3),
        (b"", 3),
    ],
)
def test_a_validator_accepts_the_exact_format_alone(workshop, given, status):
    assert judged(workshop, VALIDATOR, {}, stdin=given, name="validator.cpp").status >> 8 == status


WIDE = r"""
#include "testlib.h"
#include <bits/stdc++.h>
using namespace std;
int main(int argc, char* argv[]) {
    registerGen(argc, argv, 1);
    int n = opt<int>("n", 3); long long big = opt<long long>("big"); string word = opt<string>("word", "none");
    ensuref(has_opt("flag") && n == 4 && big == 1000000000000LL && word == "none" && opt<int>(2) == 4, "options");
    ensure(opt<double>("p") == 0.25 && opts<int>("list")[2] == 9 && opt<bool>("flag"));
    for (int i = 0; i < 2000; i++) {
        ensure(rnd.next(5) < 5 && rnd.next(-2, 2) >= -2 && rnd.next(1, big) >= 1);
        ensure(rnd.next(LLONG_MIN, LLONG_MAX) <= LLONG_MAX);
        ensure(rnd.next() < 1 && rnd.next(1.5, 2.5) < 2.5 && islower(rnd.next('a', 'z')) && rnd.next(7u) < 7);
        ensure(rnd.wnext(10, 3) < 10 && rnd.wnext(1, 10, -50) >= 1 && rnd.wnext(big, 60) < big);
        ensure(pattern("[a-c]{2,4}|x-?[0-9]+").matches(rnd.next("[a-c]{2,4}|x-?[0-9]+")));
    }
    vector<int> p = rnd.perm(6, 1); shuffle(p.begin(), p.end()); set<int> all(p.begin(), p.end());
    ensure(all.size() == 6 && *all.begin() == 1 && all.count(rnd.any(p)) && all.count(rnd.wany(p, 2)));
    vector<long long> parts = rnd.partition(5, 100LL, 3LL); ensure(accumulate(parts.begin(), parts.end(), 0LL) == 100);
    ensure(*min_element(parts.begin(), parts.end()) >= 3);
    vector<int> d = rnd.distinct(5, 1, 5); sort(d.begin(), d.end());
    println(d); println(d.begin(), d.end()); println(1, "a", 2.5);
    ensure(pattern("[^0-9]*").matches("abc") && !pattern("a{2,3}").matches("a") && pattern("(ab|c)*").matches("cabab"));
    ensure(doubleCompare(1e9, 1e9 + 1, 1e-6) && !doubleCompare(1.0, 1.1, 1e-6) && !doubleCompare(1.0, NAN, 1e-6));
    ensure(upperCase("a") == "A" && trim(" a ") == "a");
    ensure(split("a,,b", ',').size() == 3 && tokenize("a,,b", ',').size() == 2);
    ensure(join(d, ",") == "1,2,3,4,5" && vtos(5) == "5" && compress(string(99, 'x')).size() == 64);
    ensure(englishEnding(12) == "th");
    cout << format("%d %s", 5, "end") << endl;
}
"""


# Optimised once: that more than doubles the time to compile.
@pytest.mark.parametrize(
    ("standard", "level"), [("-std=gnu++17", "-O0"), ("-std=gnu++20", "-O1")], ids=["-std=gnu++17", "-std=gnu++20"]
)
def test_what_generators_use_of_testlib_compiles_and_holds(standard, level):
    sandbox = open_sandbox()
    sandbox.close()
    with Workshop(sandbox.layer, Toolchain(cpp_flags=(level, standard, "-static", "-Wall"))) as opened:
        arguments = ["-n", "4", "--big=1000000000000", "-p", "0.25", "-list=7,8,9", "-flag"]
        run = judged(opened, WIDE, {}, arguments=arguments)
    assert run.error_output == b""
    assert run.output == b"1 2 3 4 5\n1 2 3 4 5\n1 a 2.5\n5 end\n"


def test_random_numbers_follow_from_the_arguments(workshop):
    outputs = [
        judged(workshop, GENERATOR, {}, arguments=arguments, name="generator.cpp").output
        for arguments in (["-n", "9"], ["-n", "9"], ["-n", "9", "-seed", "2"])
    ]
    assert outputs[0] == outputs[1] != outputs[2]
    assert isinstance(outputs[0], bytes)


def test_partial_scores_are_not_acceptance(workshop):
    source = """#include "testlib.h"
int main(int c, char** v) {
    registerTestlibCmd(c, v);
    if (inf.readInt()) quitp(0.5, "half");
    quitf(_pc(50), "half");
}
"""
    for given in (b"0", b"1"):
        run = judged(workshop, source, {"input": given, "output": b"", "answer": b""})
        assert (run.status >> 8, b"half" in run.error_output) == (1, True)
