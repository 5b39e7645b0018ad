"""Python, in an interpreter that is kept warm and forked for every run."""

import platform

from compute.configs import Toolchain
from compute.judge.languages.language import Language


def _version(toolchain: Toolchain) -> str:
    return platform.python_version()


def _ran_out_of_memory(error_output: bytes) -> bool:
    lines = error_output.strip().splitlines()
    return bool(lines) and lines[-1].startswith(b"MemoryError")


LANGUAGE = Language(
    name="python",
    suffixes=(".py", ".py3"),
    version=_version,
    ran_out_of_memory=_ran_out_of_memory,
)
