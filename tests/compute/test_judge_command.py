"""`python -m compute judge`: what it prints, in which order, how it ends and what it leaves behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from compute.commands.judge import main
from tests.compute.sums_package import FAST, SLOW, WRONG_ON_LARGE, write_sums

ROOT = Path(__file__).parents[2]
CPP = """#include <iostream>
#include <string>
int main() {
    unsigned long long n;
    std::cin >> n;
    unsigned __int128 sum = (unsigned __int128)n * (n + 1) / 2;
    std::string digits;
    for (; sum; sum /= 10) digits.insert(digits.begin(), '0' + (int)(sum % 10));
    std::cout << digits << "\\n";
}
"""
KEYS = [
    "submission",
    "language",
    "verdict",
    "letters",
    "tests",
    "levels_passed",
    "levels_total",
    "max_cpu_seconds",
    "max_memory_bytes",
    "isolation",
    "time_limit_seconds",
    "time_limit_source",
    "memory_limit_bytes",
    "cpu_seconds",
    "memory_bytes",
    "rules",
    "message",
]


@pytest.fixture
def package(tmp_path):
    return write_sums(tmp_path / "sums")


def judge(*arguments, **keywords):
    command = [sys.executable, "-m", "compute", "judge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120, **keywords)


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def judge_here(capsys):
    """As `judge`, in this process: starting one takes most of the time of judging a few programs."""

    def ask(*arguments):
        status = main([*map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return ask


@pytest.fixture
def refused(capsys):
    """The status and the one sentence of a request that is refused, asked in this process: that is sooner done."""

    def ask(*arguments):
        status = main([*map(str, arguments)])
        output, errors = capsys.readouterr()
        assert (output, len(errors.splitlines())) == ("", 1)
        return status, errors

    return ask


def lines_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def program(tmp_path, text, name="program.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def folders_in(path):
    return [entry.name for entry in path.iterdir() if entry.is_dir()]


def test_a_submission_is_one_line_with_every_figure(tmp_path, package):
    path = program(tmp_path, SLOW)
    done = judge(package, "--submission", path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = lines_of(done)
    assert list(line) == KEYS
    assert (line["submission"], line["language"], line["verdict"]) == (str(path), "python", "TLE")
    assert line["letters"] == "AAATT"
    assert (line["levels_passed"], line["levels_total"]) == (1, 2)
    assert len(line["tests"]) == len(set(line["tests"])) == len(line["letters"])
    assert len(line["cpu_seconds"]) == len(line["memory_bytes"]) == 5
    assert line["max_cpu_seconds"] == max(line["cpu_seconds"]) > line["time_limit_seconds"] == 0.3
    assert line["max_memory_bytes"] == max(line["memory_bytes"]) > 0
    assert "rlimits" in line["isolation"]
    assert line["time_limit_source"] == "stated by the package"


def test_lines_follow_the_order_of_the_submissions(tmp_path, package, judge_here):
    texts = [WRONG_ON_LARGE, FAST, "raise ValueError\n", "print(\n", FAST]
    paths = [program(tmp_path, text, f"{place}.py") for place, text in enumerate(texts)]
    done = judge_here(package, *[word for path in paths for word in ("--submission", path)], "--json", "--workers", 2)
    assert [line["submission"] for line in lines_of(done)] == [str(path) for path in paths]
    assert [line["verdict"] for line in lines_of(done)] == ["WA", "AC", "RE", "CE", "AC"]
    assert [line["levels_passed"] for line in lines_of(done)] == [1, 2, 0, 0, 2]


def test_a_level_judges_its_tests_only(tmp_path, package, judge_here):
    path = program(tmp_path, SLOW)
    (line,) = lines_of(judge_here(package, "--submission", path, "--level", 1, "--json"))
    assert (line["verdict"], line["letters"]) == ("AC", "AAA")
    assert (line["levels_passed"], line["levels_total"]) == (1, 2)
    assert len(line["tests"]) == 3


def test_given_limits_replace_the_packages(tmp_path, package, judge_here):
    path = program(tmp_path, "block = bytearray(60 << 20)\n" + FAST)
    (line,) = lines_of(judge_here(package, "--submission", path, "--time-limit", 2, "--memory-limit", 40, "--json"))
    assert (line["time_limit_seconds"], line["memory_limit_bytes"]) == (2, 40 << 20)
    assert line["time_limit_source"] == "given"
    assert line["verdict"] == "MLE"


def test_all_compares_with_the_declared_verdicts(package):
    done = judge(package, "--all", "--json")
    lines = lines_of(done)
    assert (done.returncode, done.stderr) == (0, "Declared verdicts met: 3 of 3.\n")
    assert {(line["verdict"], *line["declared"], line["agrees"]) for line in lines} == {
        ("AC", "AC", True),
        ("TLE", "TLE", True),
        ("WA", "WA", True),
    }
    assert [list(line) for line in lines] == [[*KEYS, "declared", "agrees"]] * 3


def test_a_declared_verdict_that_is_not_met_is_counted_and_no_error(tmp_path, judge_here):
    package = write_sums(tmp_path / "sums", submissions={"accepted/a.py": FAST, "wrong_answer/not.py": FAST})
    done = judge_here(package, "--all", "--json")
    assert (done.returncode, done.stderr) == (0, "Declared verdicts met: 1 of 2.\n")
    assert [line["agrees"] for line in lines_of(done)] == [True, False]


def test_the_given_submissions_come_before_the_packages_own(tmp_path, package, judge_here):
    path = program(tmp_path, FAST)
    lines = lines_of(judge_here(package, "--all", "--submission", path, "--json"))
    assert lines[0]["submission"] == str(path)
    assert [line["agrees"] for line in lines] == [None, True, True, True]


def test_the_table_shows_levels_limit_and_agreement(package, judge_here):
    done = judge_here(package, "--all")
    assert "Limits: 0.3 s CPU (stated by the package)" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "loop.py" in line]
    assert row.split()[1:4] == ["python", "TLE", "1/2"]
    assert row.split()[6:] == ["AAA", "TT", "TLE", "yes"]
    assert done.stdout.splitlines()[-1] == "Declared verdicts met: 3 of 3."


def test_a_limit_that_is_not_stated_is_computed_and_shows_its_factor(tmp_path, judge_here):
    package = write_sums(tmp_path / "sums", limits="", submissions={"accepted/formula.py": FAST})
    (line,) = lines_of(judge_here(package, "--submission", program(tmp_path, FAST), "--json"))
    assert line["verdict"] == "AC"
    assert line["time_limit_seconds"] >= 1
    assert " x " in line["time_limit_source"]


def test_a_limit_that_cannot_be_computed_must_be_given(tmp_path, judge_here):
    package = write_sums(tmp_path / "sums", limits="", submissions={"wrong_answer/not.py": FAST})
    path = program(tmp_path, FAST)
    done = judge_here(package, "--submission", path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.endswith("give one with --time-limit.\n")
    assert judge_here(package, "--submission", path, "--time-limit", 1).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--submission", "p.py", "--levle", "1"], "Unrecognized arguments: --levle 1"),
        (["--submission", "p.py", "--level", "3"], "The problem sums has 2 coverage levels, there is no level 3."),
        (["--submission", "p.py", "--level", "none"], "'none' is not a whole number from 1 on"),
        (["--submission", "p.py", "--time-limit", "nan"], "'nan' is not a number of seconds from 0.001 to 600"),
        (["--submission", "p.py", "--memory-limit", "1"], "'1' is not a number of MiB from 16 to"),
        (["--submission", "p.py", "--language", "cobol"], "'cobol'"),
        (["--submission", "p.xyz"], "The language of {tmp}/p.xyz is not known by its name (.py"),
        (["--submission", "latin.py"], "The program {tmp}/latin.py is not UTF-8 text."),
        ([], "Name a program with --submission FILE, or judge the package's own with --all."),
        (["--probe"], "--probe looks at this machine alone"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_status_two(tmp_path, package, refused, arguments, sentence):
    program(tmp_path, FAST, "p.py")
    program(tmp_path, FAST, "p.xyz")
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n" + FAST.encode())
    words = [f"{tmp_path}/{word}" if word[:2] in ("p.", "la") else word for word in arguments]
    status, told = refused(package, *words)
    assert status == 2
    assert sentence.replace("{tmp}", str(tmp_path)) in told


def test_the_process_of_a_wrong_request_says_its_sentence_on_standard_error_alone(package):
    done = judge(package, "--level", 1)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Name a program with --submission FILE, or judge the package's own with --all.\n"


@pytest.mark.parametrize("missing", ["package", "program"])
def test_what_is_missing_is_one_sentence_and_status_three(tmp_path, package, refused, missing):
    path = program(tmp_path, FAST)
    (path if missing == "program" else package).rename(tmp_path / "elsewhere")
    status, told = refused(package, "--submission", path, "--json")
    assert status == 3
    assert str(path if missing == "program" else package) in told


def test_all_of_a_package_without_submissions_is_status_three(tmp_path, refused):
    status, told = refused(write_sums(tmp_path / "bare", submissions={}), "--all")
    assert status == 3
    assert "no submissions" in told


def test_the_language_can_be_said(tmp_path, package, judge_here):
    path = program(tmp_path, FAST, "without-a-suffix")
    (line,) = lines_of(judge_here(package, "--submission", path, "--language", "python", "--json"))
    assert (line["language"], line["verdict"]) == ("python", "AC")


def test_a_compiled_program_is_judged_by_its_suffix_and_a_compile_error_shows_its_message(
    tmp_path, package, judge_here
):
    if not shutil.which("g++"):
        pytest.skip("no g++ here")
    good = program(tmp_path, CPP, "good.cpp")
    broken = program(tmp_path, "int main() { return nowhere; }\n", "broken.cpp")
    arguments = [package, "--submission", good, "--submission", broken]
    first, second = lines_of(judge_here(*arguments, "--json"))
    assert (first["language"], first["verdict"], first["message"]) == ("cpp", "AC", "")
    assert (second["verdict"], second["letters"], second["levels_passed"]) == ("CE", "CCCCC", 0)
    assert "nowhere" in second["message"]
    told = [line for line in judge_here(*arguments).stdout.splitlines() if line.startswith(f"{broken}: ")]
    assert "nowhere" in told[0]


def test_each_test_says_which_rule_ended_it(tmp_path, package, judge_here):
    path = program(tmp_path, "n = int(input())\nwhile n > 200: pass\nraise SystemExit(3)\n")
    (line,) = lines_of(judge_here(package, "--submission", path, "--json"))
    assert line["letters"] == "RRRTT"
    assert line["rules"] == ["exit 3"] * 3 + ["cpu"] * 2


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path, package):
    path = program(tmp_path, FAST)
    words = [word for _ in range(40) for word in ("--submission", str(path))]
    command = [sys.executable, "-m", "compute", "judge", str(package), *words, "--json", "--workers", "1"]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert json.loads(child.stdout.readline())["verdict"] == "AC"
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait(60) in (0, 1)
    child.stderr.close()


def test_nothing_is_left_in_the_temporary_folder(tmp_path, package):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = program(tmp_path, FAST)
    for arguments, status in ((["--submission", path], 0), (["--submission", path, "--level", "9"], 2)):
        done = judge(package, *arguments, env=os.environ | {"TMPDIR": str(scratch)})
        assert (done.returncode, folders_in(scratch)) == (status, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_and_leaves_nothing(tmp_path, package, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    fast, endless = program(tmp_path, FAST, "a.py"), program(tmp_path, "while True: pass\n", "b.py")
    words = [word for path in [fast] * 8 + [endless] for word in ("--submission", str(path))]
    command = [sys.executable, "-m", "compute", "judge", str(package), *words, "--json", "--time-limit", "500"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    child = subprocess.Popen([*command, "--workers", "1"], cwd=ROOT, env=os.environ | {"TMPDIR": str(scratch)}, **pipes)
    try:
        assert json.loads(child.stdout.readline())["verdict"] == "AC"
        child.send_signal(number)
        _, errors = child.communicate(timeout=30)
    finally:
        child.kill()
    assert (child.returncode, errors) == (130, "Interrupted.\n")
    assert folders_in(scratch) == []


def test_the_probe_names_every_layer_and_the_one_used():
    done = judge("--probe", "--json")
    (found,) = lines_of(done)
    assert [layer["name"] for layer in found["layers"]] == ["root-namespaces", "user-namespaces", "landlock", "seccomp"]
    assert all(bool(layer["isolation"]) != bool(layer["reason"]) for layer in found["layers"])
    available = [layer["isolation"] for layer in found["layers"] if layer["isolation"]]
    assert found["used"] == (available[0] if available else None)
    assert done.returncode == (0 if available else 7)
    assert found["languages"][0]["version"].startswith("3.")
    assert found["cores"] >= 1
    assert bool(found["cgroup"]) != bool(found["cgroup_reason"])


def test_the_probe_for_people_shows_reasons_and_versions(judge_here):
    done = judge_here("--probe")
    assert done.stdout.splitlines()[0].split() == ["Layer", "Isolation"]
    assert f"python: {sys.version.split()[0]}" in done.stdout
    assert "Used: " in done.stdout


def test_help_tells_the_exit_status_and_the_agreement():
    done = judge("--help")
    assert done.returncode == 0
    assert "counts the\nagreement" in done.stdout
    assert "Exit status" in done.stdout
