"""What the judge must know of a language: how a program is compiled and started, and how its end is read.

Descriptions only; `compute.judge.workshop` compiles, `compute.judge.zygote` starts programs inside the sandbox.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compute.configs import Toolchain
from compute.errors import SandboxError

Command = tuple[str, ...]
PROGRAM = "program"
"""The file that a compiler makes."""


class LanguageMissing(SandboxError):
    """The machine has no compiler or interpreter for a language."""


@dataclass(frozen=True)
class Language:
    """A language, independent of any program.

    `version(toolchain)` is part of a verdict's identity and raises LanguageMissing where the language cannot be had.
    `compile(toolchain, names)` is the command that makes `PROGRAM` of the files `names` in the current folder, or only
    checks them; None where there is nothing to do before a start. `start(toolchain, name)` is the command that starts
    the file `name`; an empty first word means the compiled program itself. `warm(toolchain)` is the Python interpreter
    that can be kept warm instead, None where each run starts anew. `folders(toolchain)` are what a program's start
    reads beside the system's libraries, `compiler_folders(toolchain)` what compiling does.

    `clean(message)` is what a compiler's message may show: nothing of any file. `ran_out_of_memory` reads the end of
    standard error: a refused allocation ends as an ordinary error there, and only its last words tell it from a fault
    of the program.
    """

    name: str
    suffixes: tuple[str, ...]
    source_name: str
    version: Callable[[Toolchain], str]
    compile: Callable[[Toolchain, Sequence[str]], Command | None]
    start: Callable[[Toolchain, str], Command]
    warm: Callable[[Toolchain], str | None]
    folders: Callable[[Toolchain], Sequence[str]]
    compiler_folders: Callable[[Toolchain], Sequence[str]]
    clean: Callable[[str], str]
    ran_out_of_memory: Callable[[bytes], bool]
