"""The judge is faithful to cold Python: the same bytes, the same end, for a few hundred ordinary programs.

Cold is what a user types, `python program.py`, with files as standard streams; warm is the sandbox of the strongest
layer that this machine grants, one for all programs, so that none may notice those before it. Two things differ by
design and are made equal here: the folder in the program's path, and death by SIGINT, which takes a signal that the
sandbox refuses to send, so that the status is the interpreter's second choice. Cold Python is that of an environment
without packages, whose start takes a third of the time; `re` is loaded, as packages' start-up files do, because the
order in which a program's last objects go depends on it.
"""

import contextlib
import os
import signal
import subprocess
import venv
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from compute.judge.sandbox import Run, RunLimits, Sandbox, SealedFile, open_sandbox
from tests.compute.ordinary_programs import INPUTS, OrdinaryProgram, ordinary_programs

LIMITS = RunLimits(cpu_seconds=20, wall_seconds=60, memory_bytes=512 << 20, output_bytes=16 << 20)
PROGRAMS = {program.name: program for program in ordinary_programs()}
INTERRUPTED = 128 + signal.SIGINT
COLD_AT_ONCE = 2


class End(NamedTuple):
    """What can be seen of a run. `last_words`: the last line on standard error when it is that of an exception."""

    output: bytes
    status: int
    last_words: bytes


def end(output: bytes, status: int, errors: bytes) -> End:
    lines = errors.strip().splitlines()
    return End(output, status, lines[-1] if status == 1 and lines else b"")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with contextlib.closing(open_sandbox()) as opened:
        yield opened


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """That of an environment without packages."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "start.pth").write_text("import re\n")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def cold_ends(request, tmp_path_factory, python) -> Iterator[dict[str, list[Future[End]]]]:
    """The cold runs of every program that was selected, under way in the background in the order of the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; the programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    selected = [item.callspec.params["program"] for item in here]
    with ThreadPoolExecutor(COLD_AT_ONCE) as pool:
        folder = tmp_path_factory.mktemp("cold")
        yield {
            name: [
                pool.submit(run_cold, python, PROGRAMS[name].source, INPUTS[given], folder / f"{place}-{given}")
                for given in PROGRAMS[name].inputs
            ]
            for place, name in enumerate(selected)
        }


def run_cold(python: Path, source: bytes, given: bytes, folder: Path) -> End:
    folder.mkdir()
    (folder / "program.py").write_bytes(source)
    stdin, stdout, stderr = (folder / name for name in ("stdin", "stdout", "stderr"))
    stdin.write_bytes(given)
    with stdin.open("rb") as read, stdout.open("w+b") as output, stderr.open("w+b") as errors:
        done = subprocess.run(
            [python, "-s", "-B", "-X", "utf8", "program.py"],
            stdin=read, stdout=output, stderr=errors, cwd=folder, env={"PYTHONHASHSEED": "0"}, check=False,
        )  # fmt: skip
    here = f"{folder}/".encode()
    status = INTERRUPTED if done.returncode == -signal.SIGINT else done.returncode
    return end(stdout.read_bytes().replace(here, b""), status, stderr.read_bytes().replace(here, b""))


def run_warm(sandbox: Sandbox, program: OrdinaryProgram) -> list[End]:
    with SealedFile(program.source) as source, contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(SealedFile(INPUTS[given])) for given in program.inputs]
        runs = sandbox.run(source, inputs, LIMITS)
    runs += runs[:1] * (len(inputs) - len(runs))  # one that does not compile runs once
    return [warm_end(run) for run in runs]


def warm_end(run: Run) -> End:
    assert not run.killed
    return end(run.output, os.waitstatus_to_exitcode(run.status), run.error_output)


def test_there_are_a_few_hundred_different_programs():
    assert len(PROGRAMS) == len(ordinary_programs())
    assert len({program.source for program in PROGRAMS.values()}) > 700


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_ends_as_in_cold_python(sandbox, cold_ends, program):
    warm = run_warm(sandbox, PROGRAMS[program])
    assert warm == [cold.result() for cold in cold_ends[program]]
