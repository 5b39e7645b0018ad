"""What is installed where, and pip's failures as sentences. pip itself is played by small scripts here."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compute.errors import Cancelled, StorageError
from compute.installation import (
    Environment,
    InstallError,
    InstallProgress,
    install,
    installing_alone,
    required_names,
    run_pip,
    stage_of,
)
from frontier_app.embedded.bootstrap import is_usable, pip_for

PYPROJECT = """
[project]
name = "tiny"
version = "1"
dependencies = ["Django>=5", "psycopg[binary,pool]>=3", "no_such.Package"]
[project.optional-dependencies]
ml = ["torch==2"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_requirements_are_read_from_pyproject(project):
    assert required_names(project, ("core",)) == ["django", "psycopg", "no-such-package"]
    assert required_names(project, ("core", "ml"))[-1] == "torch"


def test_only_what_is_missing_counts_as_missing(project):
    assert Environment.running().missing(project, ("core",)) == ["no-such-package"]


def test_an_installation_is_current_until_pyproject_changes(project):
    environment = Environment(project / ".venv")
    environment.prefix.mkdir()
    (project / "pyproject.toml").write_text(
        PYPROJECT.replace('"Django>=5", "psycopg[binary,pool]>=3", "no_such.Package"', "")
    )
    assert environment.is_current(project, ("core",))
    environment.remember(project, ("core",))
    assert environment.is_current(project, ("core",))
    with (project / "pyproject.toml").open("a") as stream:
        stream.write("# changed\n")
    assert not environment.is_current(project, ("core",))


def test_torch_is_installed_before_what_depends_on_it(project):
    environment = Environment(project / ".venv")
    environment.prefix.mkdir()
    said: list[str] = []
    install(environment, project, ("core", "ml"), said.append, pip=script("import sys; print(*sys.argv[1:])"))
    assert said == ["install torch==2.13.0", f"install -e {project}[ml]"]


def test_a_failure_of_pip_is_one_sentence():
    with pytest.raises(
        InstallError, match=r"^pip could not install the packages: No matching distribution found for x$"
    ):
        run_pip(script("print('ERROR: No matching distribution found for x'); exit(1)"), print, lambda: False)


def test_a_full_disk_is_called_by_its_name():
    with pytest.raises(StorageError, match="disk is full"):
        run_pip(script("print('ERROR: [Errno 28] No space left on device'); exit(1)"), print, lambda: False)


def test_a_cancelled_installation_ends_at_once():
    started = time.monotonic()
    with pytest.raises(Cancelled):
        run_pip(script("import time; time.sleep(60)"), print, lambda: time.monotonic() > started + 0.3)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("Collecting torch==2.13.0", "looking up torch"),
        ("Downloading https://x/whl/torch-2.13.0-cp311-none-any.whl (800.1 MB)", "downloading torch (800.1 MB)"),
        ("Downloading trl-1.16.0-py3-none-any.whl.metadata (11 kB)", None),
        ("Installing collected packages: mpmath, torch", "unpacking 2 packages, with what they need"),
        ("Requirement already satisfied: x", None),
    ],
)
def test_a_line_of_pip_tells_what_it_is_doing(line, stage):
    assert stage_of(line) == stage


def test_packages_are_counted_while_they_are_installed(monkeypatch):
    monkeypatch.setattr("compute.installation.SECONDS_BETWEEN_COUNTS", 0)
    events: list = []
    lacking = ["torch", "trl"]
    progress = InstallProgress(list(lacking), lambda: lacking, events.append)
    progress.say("Installing collected packages: torch, trl")
    progress.count()
    lacking.remove("torch")
    progress.count()
    assert [(event.done, event.total) for event in events if event.type == "progress"] == [(0, 2), (1, 2)]


def test_a_second_installation_waits_for_the_first(project):
    code = (
        f"import sys; sys.path.insert(0, {os.getcwd()!r})\n"
        "from pathlib import Path\nfrom compute.installation import installing_alone\n"
        f"with installing_alone(Path({str(project)!r}), print): print('mine')"
    )
    with installing_alone(project, print):
        other = subprocess.Popen([sys.executable, "-uc", code], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert "waiting" in other.stdout.readline()
    assert other.communicate(timeout=10)[0] == "mine\n"


def test_half_an_environment_is_noticed(tmp_path):
    half = Environment(tmp_path / ".venv")
    assert not is_usable(half)
    (half.prefix / "bin").mkdir(parents=True)
    half.python.symlink_to("/nonexistent/python3")
    assert not is_usable(half)


def test_an_environment_without_pip_gets_one(tmp_path):
    bare = Environment(tmp_path / ".venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare.prefix], check=True)
    assert is_usable(bare)
    subprocess.run([*pip_for(bare), "--version"], check=True, capture_output=True)


def copy_of_the_start(folder: Path) -> Path:
    """The files that run before anything is installed."""
    source = Path(__file__).parents[2]
    for name in (
        "manage.py",
        "pyproject.toml",
        "compute/__init__.py",
        "compute/errors.py",
        "compute/installation.py",
        "frontier_app/__init__.py",
        "frontier_app/embedded/__init__.py",
        "frontier_app/embedded/bootstrap.py",
    ):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / name).read_bytes())
    return folder / "manage.py"


def run_without_packages(manage: Path) -> subprocess.CompletedProcess[str]:
    """`manage.py check` by a Python that sees the standard library alone."""
    code = f"import sys, runpy; sys.argv = [{str(manage)!r}, 'check']; sys.path.insert(0, {str(manage.parent)!r})\n"
    code += f"runpy.run_path({str(manage)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_project_is_one_clear_sentence(tmp_path):
    manage = copy_of_the_start(tmp_path / "project")
    manage.parent.chmod(0o555)
    ended = run_without_packages(manage)
    assert ended.returncode == 1
    assert "cannot be written" in ended.stderr.strip().splitlines()[-1]


def test_a_file_in_the_place_of_the_environment_is_one_clear_sentence(tmp_path):
    manage = copy_of_the_start(tmp_path / "project")
    (manage.parent / ".venv").write_text("mine")
    ended = run_without_packages(manage)
    assert ended.returncode == 1
    assert "could not make" in ended.stderr
    assert (manage.parent / ".venv").read_text() == "mine"
