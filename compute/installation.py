"""Which of Frontier's packages an environment has, and pip to install what it lacks.

`manage.py` uses this before anything is installed, and the `install` job uses it for the compute part while the page is
already up; so only the standard library is imported at the top. Environments are described and changed, never made (see
`frontier_app.embedded.bootstrap`).
"""

import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compute.errors import Cancelled, ComputeError, StorageError

if TYPE_CHECKING:
    from compute.configs import InstallConfig
    from compute.events import EventWriter

CORE = "core"
TORCH = "torch==2.13.0"  # installed before whatever depends on it, so that a machine's own build is taken
STAMP = "frontier-installed.json"
SECONDS_BETWEEN_COUNTS = 1.0
PR_SET_PDEATHSIG = 1


class InstallError(ComputeError):
    """pip could not do what was asked."""

    kind = "install"


@dataclass(frozen=True)
class Environment:
    """A Python environment by its prefix."""

    prefix: Path

    @classmethod
    def running(cls) -> "Environment":
        return cls(Path(sys.prefix))

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"

    @property
    def search_path(self) -> list[str]:
        """Where its packages lie. Another environment's are found by the usual layout."""
        if self.prefix == Path(sys.prefix):
            return sys.path
        return [str(folder) for folder in self.prefix.glob("lib/python3.*/site-packages")]

    def missing(self, project: Path, parts: Sequence[str]) -> list[str]:
        """The distributions that `parts` name and this environment lacks. Versions are the stamp's business."""
        present = {
            normalised(distribution.name)
            for distribution in importlib.metadata.distributions(path=self.search_path)
            if distribution.name
        }
        return [name for name in required_names(project, parts) if name not in present]

    def is_current(self, project: Path, parts: Sequence[str]) -> bool:
        """Whether nothing is missing and pyproject.toml has not changed since the packages were installed.

        An environment that somebody made by hand has no stamp and is trusted.
        """
        stamp = self._stamp()
        return not self.missing(project, parts) and stamp.get("pyproject") in (None, fingerprint(project))

    def remember(self, project: Path, parts: Sequence[str]) -> None:
        """Write the stamp that says what is installed, for `is_current`."""
        stamp, current = self._stamp(), fingerprint(project)
        known = stamp.get("parts", []) if stamp.get("pyproject") == current else []
        assert isinstance(known, list)
        content = {"pyproject": current, "parts": sorted({*known, *parts})}
        (self.prefix / STAMP).write_text(json.dumps(content) + "\n")

    def _stamp(self) -> dict[str, object]:
        try:
            content = json.loads((self.prefix / STAMP).read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def fingerprint(project: Path) -> str:
    return hashlib.sha256((project / "pyproject.toml").read_bytes()).hexdigest()


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required_names(project: Path, parts: Sequence[str]) -> list[str]:
    """The names of the distributions that pyproject.toml lists for `core` and for the extras among `parts`."""
    data = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    listed = {CORE: data["dependencies"]} | data["optional-dependencies"]
    requirements = [requirement for part in parts for requirement in listed[part]]
    return [normalised(re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]) for requirement in requirements]


@contextmanager
def installing_alone(project: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One installation at a time in a project, across processes. The lock lies on pyproject.toml and leaves no file."""
    with (project / "pyproject.toml").open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is installing packages here; waiting for it.")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def install(
    environment: Environment,
    project: Path,
    parts: Sequence[str],
    say: Callable[[str], None],
    cancelled: Callable[[], bool] = lambda: False,
    pip: Sequence[str] = (),
) -> None:
    """Install the project with `parts` into an environment and stamp it.

    `pip` is the command that stands for pip, where it is not the environment's own.
    Raises InstallError, StorageError or Cancelled.
    """
    command = list(pip) or [str(environment.python), "-m", "pip"]
    extras = [part for part in parts if part != CORE]
    if "ml" in parts:
        run_pip([*command, "install", TORCH], say, cancelled)
    target = f"{project}[{','.join(extras)}]" if extras else str(project)
    run_pip([*command, "install", "-e", target], say, cancelled)
    environment.remember(project, parts)


def run_pip(command: Sequence[str], say: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
    """Run one pip command, line by line. Raises InstallError, StorageError or Cancelled."""
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0", "PIP_PROGRESS_BAR": "off"}
    settings |= {"PIP_ROOT_USER_ACTION": "ignore", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | settings,
        preexec_fn=die_with_parent,
    )
    lines: list[str] = []
    for line in lines_until_cancelled(process, cancelled):
        lines.append(line)
        say(line)
    if process.wait() != 0:
        raise failure(lines)


def lines_until_cancelled(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> Iterator[str]:
    """The lines a process prints. Asks `cancelled` several times a second, also while it prints nothing."""
    assert process.stdout is not None
    descriptor, rest = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if cancelled():
                process.terminate()
                process.wait()
                raise Cancelled("The installation was cancelled.")
            if not selector.select(timeout=0.2):
                continue
            read = os.read(descriptor, 65536)
            if not read:
                break
            *whole, rest = (rest + read).split(b"\n")
            yield from (text for line in whole if (text := line.decode("utf-8", "replace").strip()))
    if rest.strip():
        yield rest.decode("utf-8", "replace").strip()


def failure(lines: Sequence[str]) -> ComputeError:
    """One sentence out of what pip printed."""
    if any("No space left on device" in line or "Disk quota exceeded" in line for line in lines):
        return StorageError("The disk is full: pip could not unpack the packages.")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    last = (errors or list(lines) or ["it printed nothing."])[0 if errors else -1]
    return InstallError(f"pip could not install the packages: {last}")


def stage_of(line: str) -> str | None:
    """What pip is doing from this line on, in at most 80 characters; None when the line does not tell."""
    if found := re.match(r"Collecting ([\w.-]+)", line):
        stage = f"looking up {found[1]}"
    elif found := re.match(r"Downloading (?:\S*/)?([^/\s]+?)-\d\S*\.(?:whl|tar\.gz|zip)(?: \((.+)\))?$", line):
        stage = f"downloading {found[1]}" + (f" ({found[2]})" if found[2] else "")
    elif line.startswith("Installing collected packages: "):
        stage = f"unpacking {line.count(',') + 1} packages, with what they need"
    else:
        return None
    return stage[:80]


class InstallProgress:
    """Tells what pip is doing, and how many of the `needed` distributions `missing` does not name any more."""

    def __init__(self, needed: Sequence[str], missing: Callable[[], Sequence[str]], emit: "EventWriter") -> None:
        self._needed, self._missing, self._emit = needed, missing, emit
        self._stage = "asking pip"
        self._told: tuple[str, int] | None = None
        self._next_count = 0.0

    def say(self, line: str) -> None:
        """Pass on one line of pip."""
        from compute.events import Log

        self._emit(Log(line=line[:20_000]))
        self._stage = stage_of(line) or self._stage
        self.count()

    def count(self) -> None:
        """Send the stage and the count where they changed. Looks about once a second, however often it is called."""
        from compute.events import Progress

        if time.monotonic() < self._next_count:
            return
        self._next_count = time.monotonic() + SECONDS_BETWEEN_COUNTS
        done = len(set(self._needed) - set(self._missing()))
        if (self._stage, done) != self._told:
            self._told = self._stage, done
            self._emit(Progress(stage=self._stage, done=done, total=len(self._needed) or 1, unit="packages"))


def run(config: "InstallConfig", emit: "EventWriter", cancelled: Callable[[], bool]) -> dict[str, object]:
    """The `install` job: install an extra into the running environment, then check that its modules are found.

    Raises InstallError, StorageError or Cancelled.
    """
    from compute.events import Progress

    environment, parts, started = Environment.running(), (CORE, config.extra), time.monotonic()
    needed = environment.missing(config.project, parts)
    progress = InstallProgress(needed, lambda: environment.missing(config.project, parts), emit)

    def counting_until_cancelled() -> bool:
        progress.count()  # pip says nothing while it unpacks
        return cancelled()

    with installing_alone(config.project, progress.say):
        if not environment.is_current(config.project, parts):
            progress.count()
            install(environment, config.project, parts, progress.say, counting_until_cancelled)
    importlib.invalidate_caches()
    lacking = environment.missing(config.project, parts)
    if lacking:
        raise InstallError(f"pip ended well, but these packages are still missing: {', '.join(lacking)}.")
    emit(Progress(stage="installed", done=len(needed) or 1, total=len(needed) or 1, unit="packages"))
    return {"installed": needed, "seconds": round(time.monotonic() - started, 1)}
