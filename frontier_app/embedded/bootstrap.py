"""Gives `manage.py` an environment that has the packages, then runs it there.

Used before anything is installed: standard library only. An environment that already has the packages is left alone;
otherwise `.venv` beside `manage.py` is made, mended or completed, and the same command starts again inside it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from compute.errors import ComputeError
from compute.installation import CORE, Environment, install, installing_alone

TEST_PARTS = (CORE, "ml", "dev")
ALREADY = "FRONTIER_BOOTSTRAPPED"


def ensure_packages(project: Path, arguments: Sequence[str]) -> None:
    """Return when the packages that a command needs can be imported here; otherwise install them and start anew.

    Ends the process with one sentence when that cannot be done.
    """
    parts = TEST_PARTS if arguments[1:2] == ["test"] else (CORE,)
    here, own = Environment.running(), Environment(project / ".venv")
    inside = here.prefix.resolve() == own.prefix.resolve()
    if (not inside and not here.missing(project, (CORE,))) or (inside and here.is_current(project, parts)):
        os.environ.pop(ALREADY, None)
        return
    if os.environ.get(ALREADY):
        lacking = ", ".join(here.missing(project, parts)) or "nothing"
        raise SystemExit(f"{own.prefix} was just installed but lacks: {lacking}. Remove it and start again.")
    try:
        make_current(own, project, parts)
    except ComputeError as error:
        raise SystemExit(f"{error}") from None
    except OSError as error:
        raise SystemExit(
            f"{own.prefix} cannot be written ({error.strerror}): make it writable, remove it, "
            "or activate an environment that has Frontier's packages."
        ) from None
    environment = os.environ | {ALREADY: "1"}
    os.execve(own.python, [str(own.python), *arguments], environment)


def make_current(own: Environment, project: Path, parts: Sequence[str]) -> None:
    """Make, mend or complete `.venv`. Raises ComputeError, OSError."""
    if is_usable(own) and own.is_current(project, parts):
        return
    with installing_alone(project, print):
        if not is_usable(own):
            make_environment(own)
        if own.is_current(project, parts):
            return
        what = "Frontier with all its tests' packages" if "dev" in parts else "Frontier's packages"
        print(f"Installing {what} into {own.prefix} (once; a minute or more) ...", flush=True)
        started = time.monotonic()
        with (own.prefix / "install.log").open("a") as log:
            install(own, project, parts, Reporter(log.write), pip=pip_for(own))
        print(f"\r\033[KInstalled in {time.monotonic() - started:.0f} s." if sys.stdout.isatty() else "Installed.")


class Reporter:
    """Keeps pip's lines in a log and shows the latest one where there is a terminal."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def __call__(self, line: str) -> None:
        self.write(line + "\n")
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 4
            print(f"\r\033[K  {line[:width]}", end="", flush=True)


def is_usable(environment: Environment) -> bool:
    """Whether its Python starts, is new enough and has its site-packages."""
    check = "import sys; raise SystemExit(not (sys.version_info >= (3, 11) and sys.prefix != sys.base_prefix))"
    try:
        ended = subprocess.run([environment.python, "-c", check], capture_output=True, check=False)
    except OSError:
        return False
    return ended.returncode == 0 and bool(environment.search_path)


def make_environment(environment: Environment) -> None:
    """Make `.venv` from nothing, or again where half of one lies. Without ensurepip it is made without pip."""
    if environment.prefix.exists():
        print(f"{environment.prefix} is incomplete; making it again.", flush=True)
    for options in ((), ("--without-pip",)):
        command = [sys.executable, "-m", "venv", "--clear", *options, str(environment.prefix)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode == 0 and is_usable(environment):
            return
        if not os.access(environment.prefix.parent, os.W_OK):
            raise PermissionError(13, "permission denied")
    raise SystemExit(f"Python could not make {environment.prefix}: {(ended.stderr or ended.stdout).strip()}")


def pip_for(environment: Environment) -> list[str]:
    """The command that installs into an environment: its own pip, one that ensurepip puts there, or this Python's."""
    own = [str(environment.python), "-m", "pip"]
    borrowed = [sys.executable, "-m", "pip", "--python", str(environment.python)]
    if succeeds([*own, "--version"]) or succeeds([str(environment.python), "-m", "ensurepip"]):
        return own
    if succeeds([*borrowed, "--version"]):
        return borrowed
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    raise SystemExit(f"This Python has no pip to install with: on Debian and Ubuntu run `apt install {package}`.")


def succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
