"""Where a policy's tools run: the judge's sandbox, which has no network, no secrets and hard limits.

Three things can be asked for: a Python program once, a shell command in a workspace, and a program on a problem's
public samples. Nothing lives longer than one call: a workspace is a value, its files go in with a command and come out
after it, so that a job can be killed and resumed between any two calls and a process left in the background is gone.
"""

import base64
import json
import os
import queue
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from compute.configs import JudgeLimits, Toolchain, ToolLimits
from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.languages import language_named
from compute.judge.once import Once, run_once
from compute.judge.sandbox import Room, Run, RunLimits, Sandbox, SandboxLost, open_sandbox
from compute.judge.sealed_file import SealedFile
from compute.judge.worker import Worker
from compute.judge.workshop import Builds
from compute.problems.problem import BlobStore, Problem
from compute.rollout import workspace_driver

SPARE_SECONDS = 5.0  # for starting a shell, and for taking the files in and out
OUTPUT_BYTES = 4 << 20  # more than is ever shown: the end of a long output is shown as well
MOST_FILES, MOST_BYTES = 200, 1 << 20  # of a workspace
LONGEST_NAME, LONGEST_PATH = 100, 200  # bytes and characters
SHELL_FOLDERS = ("/bin", "/usr/bin")
ATTEMPTS = 2
WROTE_TOO_MUCH = "stopped: it wrote too much"
_DRIVER = Path(workspace_driver.__file__)


class Left(BaseModel):
    """What `workspace_driver` writes of a command and the files that it left."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    status: int = Field(ge=-64, le=255)
    timed_out: bool
    files: dict[str, Base64Bytes]
    left_out: int = Field(ge=0, le=1 << 31)


class ToolTrouble(Exception):
    """The sandbox failed twice: the machine's trouble, not the policy's."""


class Ran(NamedTuple):
    """What a call wrote, and in words how it ended where that needs saying."""

    output: str
    ended: str = ""


class Shell(NamedTuple):
    """A command's output with the workspace as it left it. `left_out`: files for which there was no room."""

    ran: Ran
    files: Mapping[str, bytes]
    left_out: int = 0


class ToolRoom:
    """Sandboxes of one thread, each started when it is first needed."""

    def __init__(self, layer: str, tools: ToolLimits, limits: JudgeLimits, blobs: BlobStore) -> None:
        self._layer, self._tools, self._limits, self._blobs = layer, tools, limits, blobs
        self._builds = Builds()
        self._worker: Worker | None = None
        self._python: Sandbox | None = None

    def python(self, code: str) -> Ran:
        """Run a Python program with nothing on standard input. Raises ToolTrouble, SandboxError."""
        limits = RunLimits(
            self._tools.call_seconds, self._tools.call_seconds + SPARE_SECONDS, self._tools.memory_bytes, OUTPUT_BYTES
        )
        for _ in range(ATTEMPTS):
            self._python = self._python or Sandbox(self._layer)
            try:
                with SealedFile(code.encode("utf-8", "surrogatepass")) as source, SealedFile(b"") as nothing:
                    (run,) = self._python.run(source, [nothing], limits)
                return Ran(_written(run), self._how_it_ended(run))
            except SandboxLost:
                self._python.restart()
        raise ToolTrouble("The sandbox of the Python tool was lost twice.")

    def shell(self, command: str, files: Mapping[str, bytes]) -> Shell:
        """Run a shell command in a folder that holds `files`. Raises ToolTrouble, SandboxError."""
        order: dict[str, object] = {
            "command": command,
            "seconds": self._tools.call_seconds,
            "python": os.path.realpath(sys.executable),
            "most_files": MOST_FILES,
            "most_bytes": MOST_BYTES,
            "files": {path: base64.b64encode(data).decode() for path, data in files.items()},
        }
        for _ in range(ATTEMPTS):
            with suppress(SandboxLost):
                return self._left(*self._in_fresh_shell(order), files)
        with suppress(SandboxLost):  # is it the machine, or what was run?
            self._in_fresh_shell(order | {"command": "true", "files": {}})
            return Shell(Ran("", "stopped: it broke the sandbox"), files)
        raise ToolTrouble("The sandbox of the workspace was lost again and again.")

    def _in_fresh_shell(self, order: Mapping[str, object]) -> tuple[Run, bytes]:
        """The run of the driver, and the result that it, or what it started, left. A sandbox serves one call: it cannot
        be made sure that nothing is left in its folder for the next. Raises SandboxLost, SandboxError."""
        limits = RunLimits(
            self._tools.call_seconds, self._tools.call_seconds + SPARE_SECONDS, self._tools.memory_bytes, OUTPUT_BYTES
        )
        driver = (os.path.realpath(sys.executable), "-S", "-P", "-c", _DRIVER.read_text())
        shell = open_shell(self._layer)
        try:
            with SealedFile(json.dumps(order).encode()) as given:
                (run,), result = shell.execute(driver, [given], limits, collect=workspace_driver.RESULT)
            return run, _read(result)
        finally:
            shell.close()

    def sample(self, problem: Problem, place: int, program: str) -> Once:
        """Run a Python program on a public test. Raises ToolTrouble, SandboxError, MissingInput."""
        test = problem.tests[place]
        if not test.public:
            raise ValueError(f"test {place + 1} of {problem.slug} is hidden")
        for _ in range(ATTEMPTS):
            self._worker = self._worker or Worker(self._layer, self._limits.toolchain, self._blobs, self._builds)
            once = run_once(self._worker, self._blobs, problem, test, program, language_named("python"), self._limits)
            if not once.outcome.is_trouble:
                return once
            self._worker.restart()
        raise ToolTrouble("The sandbox of the samples was lost twice.")

    def close(self) -> None:
        for room in (self._worker, self._python):
            if room is not None:
                room.close()

    def _left(self, run: Run, result: bytes, before: Mapping[str, bytes]) -> Shell:
        """Where the command, or the limits, ended everything at once, the workspace is as it was before. The result may
        be forged by what was run, so that it is believed as little as what that writes."""
        try:
            left = Left.model_validate_json(result)
        except ValidationError:
            return Shell(
                Ran(_written(run), self._how_it_ended(run) or "stopped with everything it had started"), before
            )
        files: dict[str, bytes] = {}
        for path, data in left.files.items():
            if is_path(path) and len(files) < MOST_FILES and sum(map(len, files.values())) + len(data) <= MOST_BYTES:
                files[path] = data
        status = left.status
        ended = f"exit status {status}" if status > 0 else f"ended by signal {-status}" if status < 0 else ""
        if left.timed_out:
            ended = f"stopped after {self._tools.call_seconds:g} s"
        elif status in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ):
            ended = WROTE_TOO_MUCH
        return Shell(Ran(_written(run), ended), files, left.left_out + len(left.files) - len(files))

    def _how_it_ended(self, run: Run) -> str:
        if run.killed:
            return f"stopped after {self._tools.call_seconds:g} s"
        if run.output_bytes >= OUTPUT_BYTES:
            return WROTE_TOO_MUCH
        if os.WIFSIGNALED(run.status):
            return f"ended by signal {os.WTERMSIG(run.status)}"
        return f"exit status {os.WEXITSTATUS(run.status)}" if run.status else ""


class ToolRooms:
    """As many rooms as there are threads, each lent to one of them at a time. Close it."""

    def __init__(self, tools: ToolLimits, limits: JudgeLimits, blobs: BlobStore, count: int) -> None:
        """Raises SandboxError where programs cannot be isolated."""
        sandbox = open_sandbox(unsafe=limits.unsafe)
        self.layer = sandbox.layer
        sandbox.close()
        self._all = [ToolRoom(self.layer, tools, limits, blobs) for _ in range(count)]
        self._free: queue.SimpleQueue[ToolRoom] = queue.SimpleQueue()
        for room in self._all:
            self._free.put(room)

    @contextmanager
    def lent(self) -> Iterator[ToolRoom]:
        room = self._free.get()
        try:
            yield room
        finally:
            self._free.put(room)

    def close(self) -> None:
        for room in self._all:
            room.close()


def open_shell(layer: str) -> Sandbox:
    """A sandbox in which commands may start others. Raises SandboxError where it could not be contained."""
    refuse_open_shell(layer)
    python = language_named("python").folders(Toolchain())
    return Sandbox(layer, Room(zygote.TOOLCHAIN, folders=(*SHELL_FOLDERS, *python)))


def refuse_open_shell(layer: str) -> None:
    """Raises SandboxError where a shell could not be contained."""
    if not layer.endswith("namespaces"):
        raise SandboxError(
            f"A shell starts processes, which only namespaces contain, and this machine grants no more than {layer}:"
            " evaluate in the agentic setting elsewhere."
        )


def is_path(text: str) -> bool:
    """Whether a text names a file inside a workspace, and can be shown and kept."""
    path = PurePosixPath(text)
    odd = path.is_absolute() or ".." in path.parts or not path.parts or not text.isprintable() or str(path) != text
    return not odd and len(text) <= LONGEST_PATH and all(len(part.encode()) <= LONGEST_NAME for part in path.parts)


def _written(run: Run) -> str:
    output = run.output.decode("utf-8", "replace")
    errors = run.error_output.decode("utf-8", "replace")
    return output if not errors.strip() else f"{output.rstrip()}\n{errors}".lstrip("\n")


def _read(file: SealedFile | None) -> bytes:
    if file is None:
        return b""
    descriptor = file.open()
    try:
        return os.pread(descriptor, file.size, 0)
    finally:
        os.close(descriptor)
