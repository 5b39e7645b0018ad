"""Compiles programs and starts them with arguments and files, all inside the sandbox.

For compiled submissions, custom validators and generators of tests. A workshop has one sandbox to compile in and one to
run in, each started when it is first needed; what was compiled last is kept. Knows no verdicts.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from compute.configs import Toolchain
from compute.judge import zygote
from compute.judge.languages import LANGUAGES
from compute.judge.languages.language import PROGRAM, Command, Language, LanguageMissing
from compute.judge.sandbox import Room, Run, RunLimits, Sandbox, SandboxLost
from compute.judge.sealed_file import SealedFile

BUILD_LIMITS = RunLimits(cpu_seconds=20, wall_seconds=60, memory_bytes=2 << 30, output_bytes=256 << 20)
_MESSAGE_CHARACTERS = 4000
_PART_KILLED = b"Killed signal terminated program"  # gcc's words for a part of it that was killed from outside
_KEPT_BUILDS = 256
_KEPT_BYTES = 512 << 20


@dataclass(frozen=True)
class Built:
    """A program ready to start: a compiled file, or sources for an interpreter. `error` is the compiler's cleaned
    message where it does not compile; then nothing can be started."""

    language: Language
    files: Mapping[str, bytes]
    program: SealedFile | None = None
    error: str | None = None


class Builds:
    """What was compiled last, for all workers of a judge: two that want the same program compile it once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Built] = OrderedDict()
        self._at_work: dict[str, threading.Lock] = {}

    def get(self, key: str) -> tuple[Built | None, threading.Lock]:
        """The build, and the lock to hold while making it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key], self._at_work.get(key, threading.Lock())
            return None, self._at_work.setdefault(key, threading.Lock())

    def put(self, key: str, built: Built) -> None:
        with self._lock:
            self._kept[key] = built
            self._at_work.pop(key, None)
            while len(self._kept) > 1 and (len(self._kept) > _KEPT_BUILDS or self._bytes() > _KEPT_BYTES):
                self._kept.popitem(last=False)

    def _bytes(self) -> int:
        sources = sum(len(data) for built in self._kept.values() for data in built.files.values())
        return sources + sum(built.program.size for built in self._kept.values() if built.program)


class Workshop:
    """Not safe for use by two threads at once. Close it, or use it in a `with` statement."""

    def __init__(self, layer: str, toolchain: Toolchain | None = None, builds: Builds | None = None) -> None:
        self._layer = layer
        self._toolchain = toolchain or Toolchain()
        self._builds = builds or Builds()
        self._rooms: dict[tuple[str, tuple[str, ...]], Sandbox] = {}

    def build(self, language: Language, files: Mapping[str, bytes]) -> Built:
        """Compile a program of one or more files, the first being the main one, or find it compiled.

        Raises LanguageMissing where the machine lacks the language; SandboxError and SandboxLost.
        """
        names = [language.name, language.version(self._toolchain), *files]
        key = hashlib.sha256(repr([names, *files.values()]).encode()).hexdigest()
        found, lock = self._builds.get(key)
        if found:
            return found
        with lock:
            found, _ = self._builds.get(key)
            if found is None:
                found = self._compile(language, files)
                self._builds.put(key, found)
            return found

    def _compile(self, language: Language, files: Mapping[str, bytes]) -> Built:
        command = language.compile(self._toolchain, list(files))
        if command is None:
            return Built(language, files)
        box = {name: SealedFile(data, "source") for name, data in files.items()}
        with SealedFile(b"") as nothing:
            (run,), program = self._room(zygote.TOOLCHAIN, self._compilers()).execute(
                command, [nothing], BUILD_LIMITS, box=box, collect=PROGRAM
            )
        stopped = (os.WIFSIGNALED(run.status) and run.killed != "cpu") or _PART_KILLED in run.error_output
        if run.phase == zygote.SETTING_UP or run.killed == "wall" or stopped:
            raise SandboxLost("the compiler did not come to an end of its own")
        if run.status:
            return Built(language, files, error=self._message(language, run))
        compiles = language.start(self._toolchain, "")[0] == ""
        return Built(language, files, program=program if compiles else None)

    def _message(self, language: Language, run: Run) -> str:
        if run.killed:
            return "Compiling needs more time than there is."
        if run.output_bytes >= BUILD_LIMITS.output_bytes:
            return "Compiling gives more output than there is room for."
        text = language.clean(run.error_output.decode("utf-8", "replace"))
        return text[:_MESSAGE_CHARACTERS] or "It does not compile."

    def start(
        self,
        built: Built,
        inputs: Sequence[SealedFile],
        limits: RunLimits,
        *,
        arguments: Sequence[str] = (),
        box: Mapping[str, SealedFile] | None = None,
        stop: bool = False,
        feedback: bool = False,
    ) -> list[Run]:
        """Run a program once for each input, with the files of `box` in its folder. With `feedback` it may write below
        the folder "feedback". Raises as `Sandbox.run`."""
        assert built.error is None
        files = dict(box or {})
        if built.program is None:
            files |= {name: SealedFile(data, "source") for name, data in built.files.items()}
        command: Command = (*built.language.start(self._toolchain, next(iter(built.files))), *arguments)
        room = self._room(zygote.PROGRAMS, tuple(built.language.folders(self._toolchain)))
        runs, _ = room.execute(command, inputs, limits, program=built.program, box=files, stop=stop, feedback=feedback)
        return runs

    def run(
        self, language: Language, files: Mapping[str, bytes], arguments: Sequence[str], stdin: bytes, limits: RunLimits
    ) -> Run:
        """Compile where needed and run once. A program that does not compile gives a run of phase COMPILING whose error
        output is the message."""
        built = self.build(language, files)
        if built.error is not None:
            return Run(zygote.COMPILING, 1 << 8, "", 0.0, 0.0, 0, 0, b"", built.error.encode(), 0)
        with SealedFile(stdin) as given:
            return self.start(built, [given], limits, arguments=arguments)[0]

    def _room(self, role: str, folders: tuple[str, ...]) -> Sandbox:
        """A sandbox that shows `folders`: programs see what their own language needs and no other's."""
        if (role, folders) not in self._rooms:
            self._rooms[role, folders] = Sandbox(self._layer, Room(role, folders=folders))
        return self._rooms[role, folders]

    def _compilers(self) -> tuple[str, ...]:
        """What the compilers of all languages here read."""
        found: list[str] = []
        for language in LANGUAGES.values():
            with suppress(LanguageMissing):
                found += language.compiler_folders(self._toolchain)
        return tuple(found)

    def restart(self) -> None:
        """Replace what is running by fresh sandboxes, when they are needed again."""
        self.close()

    def close(self) -> None:
        for room in self._rooms.values():
            room.close()
        self._rooms.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
