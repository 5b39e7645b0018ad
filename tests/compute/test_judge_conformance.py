"""Hostile and odd programs (`tests/judge_cases`): each gets the verdict it deserves in every isolation layer, alone and
in a crowd, as root and as an ordinary user, and none gets out or costs its neighbour anything."""

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from tests.compute import judge_conformance as conformance
from tests.compute.judge_cases import FOLDER, load_cases

ROOT = Path(__file__).parents[2]
CASES = load_cases()


@pytest.fixture(scope="module")
def layers():
    found = conformance.usable_layers()
    if not (usable := [layer for layer, complaint in found.items() if not complaint]):
        pytest.skip(" ".join(found.values()))
    return usable


@pytest.fixture(scope="module")
def firing_range():
    with conformance.Range(conformance.judgeable(CASES)) as place:
        yield place


@pytest.fixture(scope="module")
def alone(request, firing_range, layers):
    if any(item.function is test_an_ordinary_user_sees_the_same for item in request.session.items):
        request.getfixturevalue("ordinary_user")  # starts now, to run meanwhile
    with contextlib.closing(conformance.Alone(firing_range, layers)) as passing:
        yield passing


@pytest.fixture(scope="module")
def ordinary_user():
    """Root only: a process that runs every case alone as `nobody`, at the same time; None where there cannot be one."""
    python = readable_interpreter()
    if os.getuid() != 0 or python is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="frontier-ordinary-") as name:  # pytest's own folders are root's alone
        folder = Path(name)
        copy_project(folder)
        nobody = pwd.getpwnam("nobody")
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "PYTHONPATH": f"{folder}:{sysconfig.get_path('purelib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        process = subprocess.Popen(
            [python, "-m", "tests.compute.judge_conformance"], cwd=folder, env=environment, text=True,
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        yield process
        process.terminate()
        process.communicate()


def readable_interpreter():
    """An interpreter that `nobody` may start and that can load what this one loads."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")):
        probe = [candidate, "-c", "import psutil, pydantic"]
        with contextlib.suppress(OSError, KeyError, TypeError):
            nobody = pwd.getpwnam("nobody")
            keywords = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
            environment = {"PYTHONPATH": sysconfig.get_path("purelib")}
            done = subprocess.run(probe, env=environment, cwd="/", capture_output=True, check=False, **keywords)
            if done.returncode == 0:
                return candidate
    return None


def copy_project(folder):
    """What the passes need, where everybody may read it."""
    shutil.copytree(ROOT / "compute", folder / "compute", ignore=shutil.ignore_patterns("__pycache__", "base"))
    shutil.copytree(FOLDER, folder / "tests" / "judge_cases")
    (folder / "tests" / "compute").mkdir()
    for file in Path(__file__).parent.glob("judge_*.py"):
        shutil.copy(file, folder / "tests" / "compute")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("case", CASES, ids=[case.identifier for case in CASES])
def test_alone_in_every_layer_a_program_gets_its_verdict_and_leaves_nothing(alone, firing_range, case):
    if case not in firing_range.cases:
        pytest.skip(f"the judge does not know {case.language} here")
    assert alone.faults(case) == []


def test_shuffled_and_side_by_side_programs_get_the_same_verdicts(firing_range, layers, alone):
    assert conformance.crowded_passes(firing_range, layers[0]) == {
        "shuffled in one worker": [],
        "on two workers": [],
        "afterwards": [],
    }


def test_an_ordinary_user_sees_the_same(ordinary_user):
    if ordinary_user is None:
        pytest.skip("needs root and an interpreter that everybody may read")
    output, errors = ordinary_user.communicate()
    assert ordinary_user.returncode == 0, errors
    report = json.loads(output)
    assert report["layers"]["root-namespaces"], "it was not an ordinary user"
    assert report["layers"]["seccomp"] == ""
    faults = [f"{case}: {fault}" for case, found in report["faults"].items() for fault in found]
    assert not faults, "\n".join(faults)


def test_the_suite_is_large_and_each_case_says_what_it_attacks():
    assert len(CASES) >= 90
    assert all(case.attacks.endswith(".") for case in CASES)
    assert len({case.identifier for case in CASES}) == len(CASES)
    assert {"A", "W", "R", "T", "M", "O", "C"} == {letter for case in CASES for letter in case.verdicts}
