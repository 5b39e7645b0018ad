"""Languages a program can be written in: how a finished run is read. Another language is another entry here and another
way for `zygote` to start a program."""

import platform
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """`version` is part of a verdict's identity. `ran_out_of_memory` reads the end of standard error: a refused
    allocation ends as an ordinary error there, and only its last words tell it from a fault of the program."""

    name: str
    version: str
    ran_out_of_memory: Callable[[bytes], bool]


def _python_ran_out_of_memory(error_output: bytes) -> bool:
    lines = error_output.strip().splitlines()
    return bool(lines) and lines[-1].startswith(b"MemoryError")


PYTHON = Language("python", platform.python_version(), _python_ran_out_of_memory)
