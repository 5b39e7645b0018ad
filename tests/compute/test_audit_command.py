"""`python -m compute audit PACKAGE`: the figures of one package for people and for programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compute.commands.audit import main
from tests.compute.sums_package import FAST, SLOW, write_sums

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path):
    return write_sums(tmp_path / "sums")


def audit(*arguments):
    command = [sys.executable, "-m", "compute", "audit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)


def test_the_figures_of_a_package_are_one_object(package):
    done = audit(package, "--json", "--repeats", 3, "--factor", 4)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["levels"], found["tests"], found["cpu_seconds"]) == (2, 5, 0.3)
    assert (found["slow_programs"], found["slow_caught"]) == (1, [0, 1])
    assert all(program["agrees"] for program in found["programs"])
    assert len(found["programs"]) == 3
    assert (found["repeats"], found["safety_factor"], found["unstable"]) == (3, 4, 0)
    assert found["marks"] == []


def test_the_report_shows_every_finding_in_words(tmp_path):
    programs = {"accepted/formula.py": FAST, "accepted/loop.py": SLOW, "wrong_answer/not.py": FAST}
    done = audit(write_sums(tmp_path / "sums", submissions=programs), "--repeats", 1)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split()[-3:] for line in lines if "2-large" in line] == [["5", "14", "—"]]
    (row,) = [line for line in lines if "loop.py" in line]
    assert row.split()[1:5] == ["python", "AC", "TLE", "no"]
    assert any(line.startswith("Suggested limit: ") and "slowest accepted x 5" in line for line in lines)
    marks = [line for line in lines if line.startswith("! ")]
    assert "! no slow but correct program is known" in marks
    assert "! a program declared accepted is rejected" in marks
    assert lines[-1].startswith("Each program was judged once; isolation ")


def test_a_suite_whose_limit_is_loose_is_marked(tmp_path):
    package = write_sums(tmp_path / "sums", tests={"secret/1-small/1": 10, "secret/2-large/1": 10**6})
    done = audit(package, "--time-limit", 60, "--json", "--repeats", 1)
    assert done.returncode == 0
    assert "time-never-binds" in json.loads(done.stdout)["marks"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["nowhere"], 3, "There is no problem package at nowhere."),
        ([], 2, "The following arguments are required: PACKAGE"),
        (["nowhere", "--factor", "0.5"], 2, "'0.5' is not a factor from 1 to 1000"),
        (["nowhere", "--repeats", "0"], 2, "'0' is not a whole number from 1 on"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(capsys, arguments, status, sentence):
    assert main(arguments) == status
    output, errors = capsys.readouterr()
    assert (output, len(errors.splitlines())) == ("", 1)
    assert sentence in errors
