"""One worker of the judge: the sandboxes in which it runs programs, and the custom validators that decide on them.

A Python program runs in a warm interpreter where there is one, everything else in a workshop. Keeps no verdicts.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from compute.configs import Toolchain
from compute.judge import call_program, zygote
from compute.judge.languages import LANGUAGES, language_named
from compute.judge.languages.language import Language
from compute.judge.outcome import VALIDATOR
from compute.judge.ruling import Ruling, how_it_ended
from compute.judge.sandbox import Room, Run, RunLimits, Sandbox
from compute.judge.sealed_file import SealedFile
from compute.judge.verdict import Verdict
from compute.judge.workshop import Builds, Workshop
from compute.problems.problem import BlobStore, Call, Validator

_VALIDATOR_LIMITS = RunLimits(cpu_seconds=60, wall_seconds=120, memory_bytes=2 << 30, output_bytes=16 << 20)
_ACCEPTS = {"icpc": {42}, "testlib": {0}}
_REJECTS = {"icpc": {43}, "testlib": {1, 2}}
_DRIVER = Path(call_program.__file__)


class CompileError(Exception):
    """A program does not compile; the message is the compiler's, cleaned."""


class Work(NamedTuple):
    """A program and how it is to be run. `call`: the function it is asked for."""

    text: bytes
    language: Language
    call: Call | None
    limits: RunLimits


class Dispute(NamedTuple):
    """An output that a validator decides on."""

    validator: Validator
    flags: Sequence[str]
    given: SealedFile
    output: bytes
    answer: bytes


class Worker:
    """Not safe for use by two threads at once."""

    def __init__(
        self, layer: str, toolchain: Toolchain, blobs: BlobStore, builds: Builds, warm: Sandbox | None = None
    ) -> None:
        """`warm` is an interpreter that is up already."""
        self._layer, self._toolchain, self._blobs = layer, toolchain, blobs
        self._warm = warm
        self._workshop = Workshop(layer, toolchain, builds)

    @property
    def pid(self) -> int | None:
        """Of the warm interpreter's sandbox."""
        return self._warm.pid if self._warm else None

    def warm_up(self) -> None:
        """Start the interpreter that most programs need. Raises SandboxError."""
        interpreter = LANGUAGES["python"].warm(self._toolchain)
        if interpreter is not None:
            self._interpreter(interpreter)

    def run(self, work: Work, inputs: Sequence[SealedFile], *, stop: bool) -> list[Run]:
        """Run a program once for each input; with `stop` only up to the first run that ends badly.

        Raises CompileError, SandboxLost, SandboxError.
        """
        interpreter = work.language.warm(self._toolchain)
        call = work.call.model_dump() if work.call else None
        if interpreter is not None:
            with SealedFile(work.text, "source") as source:
                return self._interpreter(interpreter).run(source, inputs, work.limits, call=call, stop=stop)
        files, arguments = self._files(work)
        built = self._workshop.build(work.language, files)
        if built.error is not None:
            raise CompileError(built.error)
        return self._workshop.start(built, inputs, work.limits, arguments=arguments, stop=stop)

    def _interpreter(self, path: str) -> Sandbox:
        if self._warm is not None and self._warm.room.interpreter != path:
            self._warm.close()
            self._warm = None
        if self._warm is None:
            self._warm = Sandbox(self._layer, Room(zygote.PYTHON, path))
        return self._warm

    @staticmethod
    def _files(work: Work) -> tuple[dict[str, bytes], tuple[str, ...]]:
        if work.call is None:
            return {work.language.source_name: work.text}, ()
        arguments = (work.call.function, *([work.call.class_name] if work.call.class_name else []))
        return {_DRIVER.name: _DRIVER.read_bytes(), work.language.source_name: work.text}, arguments

    def decide(self, dispute: Dispute) -> Ruling:
        """Ask the validator. Whatever goes wrong with it is infrastructure trouble, never a verdict."""
        validator = dispute.validator
        files = {file.name: self._blobs.get(file.sha256) for file in validator.files}
        built = self._workshop.build(language_named(validator.language), files)
        if built.error is not None:
            return Ruling(Verdict.INFRASTRUCTURE, f"{VALIDATOR} does not compile")
        box = {"input.txt": dispute.given, "answer.txt": SealedFile(dispute.answer)}
        with SealedFile(dispute.output) as output:
            if validator.convention == "icpc":
                arguments, stdin = ["input.txt", "answer.txt", "feedback/", *dispute.flags], output
            else:
                arguments, stdin = ["input.txt", "output.txt", "answer.txt", *dispute.flags], SealedFile(b"")
                box["output.txt"] = output
            (run,) = self._workshop.start(
                built, [stdin], _VALIDATOR_LIMITS, arguments=arguments, box=box, feedback=True
            )
        return _decision(run, validator.convention)

    def restart(self) -> None:
        """Fresh sandboxes in place of those in use. Raises SandboxError when they do not come up."""
        self._workshop.restart()
        if self._warm is not None:
            self._warm.restart()

    def close(self) -> None:
        self._workshop.close()
        if self._warm is not None:
            self._warm.close()


def _decision(run: Run, convention: str) -> Ruling:
    if run.phase == zygote.RUNNING and not run.killed and os.WIFEXITED(run.status):
        status = os.WEXITSTATUS(run.status)
        if status in _ACCEPTS[convention]:
            return Ruling(Verdict.ACCEPTED, "")
        if status in _REJECTS[convention]:
            return Ruling(Verdict.WRONG_ANSWER, "")
    return Ruling(Verdict.INFRASTRUCTURE, f"{VALIDATOR} {run.killed or how_it_ended(run.status)}")
