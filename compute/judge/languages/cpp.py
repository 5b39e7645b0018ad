"""C++ by g++, linked statically, so that a program needs no file to run. The flags are the configuration's."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

from compute.configs import Toolchain
from compute.judge.languages.language import PROGRAM, Command, Language, LanguageMissing

# Without them g++ quotes source lines, be they of the program or of whatever file it managed to include.
_QUIET = ("-fno-diagnostics-show-caret", "-fdiagnostics-color=never", "-fmax-errors=10")
_READ = ("/bin", "/usr/bin", "/usr/include", "/usr/local/include", "/usr/libexec")
_OWN_LINE = re.compile(
    r"^(?P<file>[\w.+-]+\.(?:cpp|cc|cxx|h|hpp)):(?P<line>\d+):(?:\d+:)? (?P<text>(?:fatal )?error: .*)"
)
_LINKER = re.compile(r"undefined reference to .*|multiple definition of .*")
_MOST_LINES = 10


@cache
def _compiler() -> str:
    found = shutil.which("g++")
    if found is None:
        raise LanguageMissing("There is no g++ here, so that C++ programs cannot be compiled: install g++.")
    return os.path.realpath(found)


@cache
def _compiler_version() -> str:
    return subprocess.run([_compiler(), "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()


def _version(toolchain: Toolchain) -> str:
    return f"g++ {_compiler_version()} {' '.join(toolchain.cpp_flags)}"


def _compile(toolchain: Toolchain, names: Sequence[str]) -> Command:
    sources = [name for name in names if name.endswith(LANGUAGE.suffixes)]
    return (_compiler(), *toolchain.cpp_flags, *_QUIET, "-I.", "-o", PROGRAM, *sources)


def _start(toolchain: Toolchain, name: str) -> Command:
    return ("",)


def _compiler_folders(toolchain: Toolchain) -> Sequence[str]:
    return (*_READ, os.path.dirname(_compiler()))


def _clean(message: str) -> str:
    """Errors at lines of the program's own files, and what the linker misses; nothing that stands in another file."""
    kept, hidden = [], False
    for line in message.splitlines():
        if own := _OWN_LINE.match(line):
            kept.append(f"{own['file']}:{own['line']}: {own['text']}")
        elif linker := _LINKER.search(line):
            kept.append(linker.group())
        elif "signal terminated program" in line:
            return "The compiler was stopped: the program takes too much to compile."
        elif " error: " in line:
            hidden = True
    if hidden:
        kept.append("A file that the program includes does not compile.")
    return "\n".join(kept[:_MOST_LINES])


def _ran_out_of_memory(error_output: bytes) -> bool:
    return b"std::bad_alloc" in error_output


LANGUAGE = Language(
    name="cpp",
    suffixes=(".cpp", ".cc", ".cxx", ".c++"),
    source_name="program.cpp",
    version=_version,
    compile=_compile,
    start=_start,
    warm=lambda toolchain: None,
    folders=lambda toolchain: (),
    compiler_folders=_compiler_folders,
    clean=_clean,
    ran_out_of_memory=_ran_out_of_memory,
)
