"""One fork server in its own sandbox, seen from outside.

`open_sandbox` starts `zygote` in the strongest layer that this machine grants and checks that the layer holds; a
`Sandbox` exchanges one message a program with it. Programs' bytes go in and come out through memory files; this side
never runs them, that side never sees an answer. Needs Linux 5.9 or newer. Nothing here compares or knows verdicts.
"""

import array
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compute.errors import SandboxError
from compute.judge import zygote
from compute.judge.box_folder import BoxFolder
from compute.judge.cgroup import Cgroup
from compute.judge.sealed_file import SealedFile

_PROJECT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0
_RESTARTS = 3  # whatever ended a worker, a machine short of memory say, may well meet its successor
_ERROR_BYTES = 2000
_NOTHING_ASKED: dict[str, object] = {
    "source_bytes": 0,
    "call": None,
    "command": [],
    "collect": "",
    "stop": False,
    "feedback": False,
}


class SandboxLost(Exception):
    """The fork server is gone or silent; the runs of its last request have no result."""


@dataclass(frozen=True)
class RunLimits:
    """`cpu_seconds` is when a run is killed, which is later than when it is judged too slow."""

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class Run:
    """What the kernel says about one run. `phase` below RUNNING: the program never began. `waits`: how often it gave up
    the processor by itself. `error_output` is the end of standard error. `over_cgroup`: a run of the same request met
    the control group's memory limit."""

    phase: int
    status: int
    killed: str
    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int
    waits: int
    output: bytes
    error_output: bytes
    output_bytes: int
    over_cgroup: bool = False


@dataclass(frozen=True)
class Room:
    """What a fork server is for (`zygote.ROLES`), which Python it is, and which folders its programs may read."""

    role: str = zygote.PYTHON
    interpreter: str = sys.executable
    folders: tuple[str, ...] = ()


class Sandbox:
    """A running fork server. Not safe for use by two threads at once."""

    def __init__(self, layer: str, room: Room | None = None) -> None:
        """Raises SandboxError when `layer` cannot be had here."""
        self.layer = layer
        self.room = room or Room()
        self._process: subprocess.Popen[bytes] | None = None
        self._box: BoxFolder | None = None
        self._cgroup: Cgroup | None = None
        self._number = 0
        self._start()

    def _start(self) -> None:
        if self.layer == "seccomp" and self.room.role != zygote.PYTHON:
            raise SandboxError("The layer seccomp cannot hide files, so that nothing can be compiled or started in it.")
        if not self.layer.endswith("namespaces") and self.room.role != zygote.PYTHON:
            self._box = BoxFolder()
        options = {
            "layer": self.layer,
            "role": self.room.role,
            "folders": self.room.folders,
            "box": self._box.path if self._box else "",
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        errors = os.memfd_create("errors")
        command = [self.room.interpreter, "-S", "-P", "-s", "-B", "-X", "utf8", "-c", zygote.START]
        command += [str(_PROJECT), str(theirs.fileno()), str(os.getpid()), json.dumps(options)]
        self._control = ours
        try:
            with theirs:
                # A session of its own: Ctrl-C in a terminal must not reach the worker.
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=(theirs.fileno(),),
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as error:
            os.close(errors)
            self.close()
            raise SandboxError(f"No sandbox ({self.layer}): {error}.") from None
        self._cgroup = Cgroup.holding(self._process.pid)
        ours.settimeout(_START_SECONDS)
        try:
            ours.send(b"begin")  # not earlier: what the server forks is to be in its control group
            greeting = json.loads(ours.recv(1 << 16) or b"{}")
        except OSError as error:
            greeting = {"error": str(error)}
        text = os.pread(errors, _ERROR_BYTES, 0).decode("utf-8", "replace").strip()
        os.close(errors)
        if "isolation" not in greeting:
            self.close()
            raise SandboxError(f"No sandbox ({self.layer}): {greeting.get('error') or text or 'it ended at once'}.")
        self.isolation: str = greeting["isolation"] + ("+cgroup" if self._cgroup else "")

    @property
    def pid(self) -> int | None:
        """Of the process at the top of the sandbox: with it everything inside ends. None while it is replaced."""
        return self._process.pid if self._process else None

    def restart(self) -> None:
        """Replace the fork server by a fresh one. Raises SandboxError when several in a row do not come up."""
        for attempt in range(_RESTARTS):
            self.close()
            try:
                return self._start()
            except SandboxError:
                if attempt == _RESTARTS - 1:
                    raise

    def run(
        self,
        source: SealedFile,
        inputs: Sequence[SealedFile],
        limits: RunLimits,
        *,
        call: Mapping[str, object] | None = None,
        stop: bool = False,
    ) -> list[Run]:
        """Run the Python program once for each input, one after the other. One that does not compile gives one Run.

        With `call` its function is called (`call_program`). With `stop` a run that ends badly is the last. Raises
        SandboxLost when the fork server does not answer; a program cannot cause that by misbehaving.
        """
        order = {"source_bytes": source.size, "call": call, "stop": stop}
        return self._exchange(order, source, {}, inputs, limits)[0]

    def execute(
        self,
        command: Sequence[str],
        inputs: Sequence[SealedFile],
        limits: RunLimits,
        *,
        program: SealedFile | None = None,
        box: Mapping[str, SealedFile] | None = None,
        collect: str = "",
        stop: bool = False,
        feedback: bool = False,
    ) -> tuple[list[Run], SealedFile | None]:
        """Start `command` once for each input, in a folder that holds the files `box`. Where its first word is empty,
        `program` is what starts. With `feedback` the feedback folder may be written. Returns the runs and the file
        `collect` that the last one left. Raises as `run`."""
        order = {"command": list(command), "collect": collect, "stop": stop, "feedback": feedback}
        with SealedFile(b"", "nothing") as nothing:
            return self._exchange(order, program or nothing, box or {}, inputs, limits)

    def _exchange(
        self,
        order: Mapping[str, object],
        program: SealedFile,
        box: Mapping[str, SealedFile],
        inputs: Sequence[SealedFile],
        limits: RunLimits,
    ) -> tuple[list[Run], SealedFile | None]:
        if len(inputs) > zygote.MAX_TESTS or len(inputs) + len(box) >= zygote.MAX_FILES:
            raise ValueError(f"at most {zygote.MAX_TESTS} tests and {zygote.MAX_FILES} files a request")
        self._number += 1
        request = {**_NOTHING_ASKED, **vars(limits), **order, "box": list(box), "number": self._number}
        files: list[int] = []
        try:
            if self._cgroup:
                self._cgroup.limit(limits.memory_bytes + 2 * limits.output_bytes)
            files.extend(file.open() for file in (program, *box.values(), *inputs))
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
            self._control.settimeout(len(inputs) * (limits.wall_seconds + zygote.COMPILE_SECONDS) + _PATIENCE_SECONDS)
            self._control.sendmsg([json.dumps(request).encode()], rights)
            message, outputs = self._receive(2 * len(inputs) + 1)
        except OSError as error:
            raise SandboxLost(str(error)) from None
        finally:
            for descriptor in files:
                os.close(descriptor)
        return self._read_answer(message, outputs, limits, collects=bool(request["collect"]))

    def _read_answer(
        self, message: bytes, outputs: list[int], limits: RunLimits, *, collects: bool
    ) -> tuple[list[Run], SealedFile | None]:
        try:
            answer = json.loads(message)
            if answer["number"] != self._number:
                raise SandboxLost("an answer to another request")
            records = answer["runs"]
            if len(outputs) != 2 * len(records) + collects:
                raise SandboxLost("some files of an answer were lost: too many are open")
            over = self._cgroup is not None and self._cgroup.ran_out_of_memory()
            runs = [
                _read_run(
                    {**record, "over_cgroup": over}, outputs[2 * place], outputs[2 * place + 1], limits.output_bytes
                )
                for place, record in enumerate(records)
            ]
            return runs, SealedFile.sealing(outputs[-1]) if collects else None
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise SandboxLost(f"not an answer: {error}") from None
        finally:
            for descriptor in outputs:
                os.close(descriptor)

    def _receive(self, files: int) -> tuple[bytes, list[int]]:
        message, ancillary, _, _ = self._control.recvmsg(1 << 17, socket.CMSG_SPACE(files * 4), socket.MSG_CMSG_CLOEXEC)
        descriptors = array.array("i")
        for _, _, data in ancillary:
            descriptors.frombytes(data)
        if not message:
            raise ConnectionResetError("the fork server ended")
        return message, list(descriptors)

    def close(self) -> None:
        """Ends the fork server and with it everything that runs in the sandbox."""
        self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._cgroup:
            self._cgroup.remove()
            self._cgroup = None
        if self._box:
            self._box.remove()
            self._box = None


def _environment() -> dict[str, str]:
    """Nothing of ours; the fork server forgets this too.

    A fixed hash seed makes a program's verdict repeatable. Binding symbols at the start spares every child from doing
    it again. An interpreter from a module system may need its library path to start at all.
    """
    kept = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    return {"PYTHONHASHSEED": "0", "LD_BIND_NOW": "1", **kept}


def _read_run(record: dict[str, object], stdout: int, stderr: int, limit: int) -> Run:
    sizes = os.fstat(stdout).st_size, os.fstat(stderr).st_size
    return Run(
        output=os.pread(stdout, min(sizes[0], limit), 0),
        error_output=os.pread(stderr, _ERROR_BYTES, max(0, sizes[1] - _ERROR_BYTES)),
        output_bytes=max(sizes),
        **record,  # type: ignore[arg-type]
    )


# Choosing a layer -----------------------------------------------------------------------------------------------------

# Tries what a sandbox must refuse and what a program may expect; prints the word only when all of it came out right.
_SELF_TEST = b"""
import os, sys
failures = []
def refused(name, action):
    try:
        action()
    except OSError:
        return
    failures.append(name)
def fork():
    if os.fork() == 0:
        os._exit(0)
def connect():
    import _socket
    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
refused("fork", fork)
refused("kill", lambda: os.kill(os.getppid(), 0))
refused("read", lambda: open("/etc/passwd"))
refused("write", lambda: open("/tmp/.frontier-self-test", "x"))
refused("exec", lambda: os.execv("/bin/true", ["true"]))
if sys.stdin.read() != "41":
    failures.append("stdin")
if %(files)r:
    import colorsys
print(" ".join(failures) or "isolated")
"""


def open_sandbox(*, unsafe: bool = False, layers: Sequence[str] = zygote.LAYERS[:-1]) -> Sandbox:
    """A sandbox in the first of `layers` that this machine grants and that passes its self-test.

    Raises SandboxError with the reasons when none does; with `unsafe` it then runs with resource limits alone.
    """
    reasons = []
    for layer in layers:
        try:
            sandbox = Sandbox(layer)
        except SandboxError as error:
            reasons.append(str(error))
            continue
        complaint = _complaint(sandbox)
        if not complaint:
            return sandbox
        sandbox.close()
        reasons.append(f"No sandbox ({layer}): its self-test says {complaint}.")
    if unsafe:
        return Sandbox("none")
    raise SandboxError(" ".join(["Programs cannot be run in isolation here.", *reasons]))


def _complaint(sandbox: Sandbox) -> str:
    """What is wrong with a sandbox; empty when it isolates and works."""
    limits = RunLimits(cpu_seconds=10, wall_seconds=20, memory_bytes=256 << 20, output_bytes=1 << 16)
    source = _SELF_TEST.replace(b"%(files)r", repr(sandbox.layer != "seccomp").encode())
    with SealedFile(source) as program, SealedFile(b"41") as given:
        try:
            run = sandbox.run(program, [given], limits)[0]
        except SandboxLost as error:
            return f"that it was lost ({error})"
    if run.output.strip() == b"isolated" and run.status == 0:
        return ""
    return (run.output + b" " + run.error_output[-300:]).decode("utf-8", "replace").strip() or f"status {run.status}"
