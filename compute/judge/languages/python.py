"""Python: in an interpreter that is kept warm and forked for every run, else started anew for each.

Warm is any CPython from 3.11 on; another interpreter, such as PyPy, starts cold. Programs see the standard library
alone, no installed packages.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from compute.configs import Toolchain
from compute.judge.languages.language import Command, Language, LanguageMissing

_ASK = (
    "import json, os, platform, sys, sysconfig;"
    "print(json.dumps([platform.python_implementation(), platform.python_version(), "
    "[os.path.realpath(sys.executable), sys.base_prefix, sys.base_exec_prefix, sysconfig.get_path('stdlib')]]))"
)
_ASK_SECONDS = 30
_CHECK = "import sys\nfor name in sys.argv[1:]:\n    compile(open(name, 'rb').read(), name, 'exec', dont_inherit=True)"
_OLDEST_WARM = (3, 11)


class _Interpreter(NamedTuple):
    path: str
    implementation: str
    version: str
    folders: tuple[str, ...]


@cache
def _interpreter(path: str) -> _Interpreter:
    """Ask an interpreter, which whoever configures it trusts, what it is."""
    found = shutil.which(path)
    if found is None:
        raise LanguageMissing(f"There is no Python interpreter at {path}.")
    try:
        answer = subprocess.run([found, "-c", _ASK], capture_output=True, timeout=_ASK_SECONDS, check=True)
        implementation, version, (executable, prefix, exec_prefix, library) = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise LanguageMissing(f"{path} is no Python interpreter that works: {error}.") from None
    # Of the prefixes only what belongs to Python: a prefix may well be a whole system or somebody's home.
    parts = (
        os.path.dirname(executable),
        *(os.path.join(one, sys.platlibdir) for one in (prefix, exec_prefix)),
        library,
    )
    return _Interpreter(executable, implementation, version, parts)


def _chosen(toolchain: Toolchain) -> _Interpreter:
    return _interpreter(str(toolchain.interpreter or sys.executable))


def _version(toolchain: Toolchain) -> str:
    if toolchain.interpreter is None:
        return platform.python_version()
    chosen = _chosen(toolchain)
    return chosen.version if chosen.implementation == "CPython" else f"{chosen.implementation} {chosen.version}"


def _warm(toolchain: Toolchain) -> str | None:
    if toolchain.interpreter is None:
        return sys.executable
    chosen = _chosen(toolchain)
    recent = tuple(int(part) for part in chosen.version.split(".")[:2]) >= _OLDEST_WARM
    return chosen.path if chosen.implementation == "CPython" and recent else None


def _compile(toolchain: Toolchain, names: Sequence[str]) -> Command:
    return (_chosen(toolchain).path, "-c", _CHECK, *(name for name in names if name.endswith(LANGUAGE.suffixes)))


def _start(toolchain: Toolchain, name: str) -> Command:
    return (_chosen(toolchain).path, name)


def _folders(toolchain: Toolchain) -> Sequence[str]:
    return _chosen(toolchain).folders


def _clean(message: str) -> str:
    """The kind of error and its place, without the source line that Python quotes."""
    lines = message.strip().splitlines()
    place = next((line.strip() for line in reversed(lines) if line.lstrip().startswith("File ")), "")
    return "\n".join(line for line in (place, lines[-1] if lines else "") if line)


def _ran_out_of_memory(error_output: bytes) -> bool:
    lines = error_output.strip().splitlines()
    return bool(lines) and lines[-1].startswith(b"MemoryError")


LANGUAGE = Language(
    name="python",
    suffixes=(".py", ".py3"),
    source_name="program.py",
    version=_version,
    compile=_compile,
    start=_start,
    warm=_warm,
    folders=_folders,
    compiler_folders=_folders,
    clean=_clean,
    ran_out_of_memory=_ran_out_of_memory,
)
