"""What the judge must know of a language: how a program is compiled and started, and how its end is read.

Descriptions only; `compute.judge.zygote` starts programs inside the sandbox.
"""

from collections.abc import Callable
from dataclasses import dataclass

from compute.configs import Toolchain

Command = tuple[str, ...]


@dataclass(frozen=True)
class Language:
    """A language, independent of any program.

    `version(toolchain)` is part of a verdict's identity and raises LanguageMissing where the language cannot be had.
    `ran_out_of_memory` reads the end of standard error: a refused allocation ends as an ordinary error there, and only
    its last words tell it from a fault of the program.
    """

    name: str
    suffixes: tuple[str, ...]
    version: Callable[[Toolchain], str]
    ran_out_of_memory: Callable[[bytes], bool]
