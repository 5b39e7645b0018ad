"""Runs a Python program in a freshly forked interpreter as a cold one would: same main module, same ends, same bytes.

In the child of the fork server, after everything was given up. Standard library only. A program that defines a function
to be called is `call_program`'s business.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import marshal
import os
import sys
import types
from collections.abc import Callable
from typing import Any

PROGRAM_NAME = "program.py"


def run_program(text: bytes, code_file: int, begin: Callable[[], None], call: Callable[..., None] | None) -> int:
    """Compile and execute `text` as the main module. Returns the exit status a cold interpreter would give.

    `code_file`: where the first run of a request leaves the compiled program for the others. `begin` is called once the
    program compiles. `call`, where given, executes the code and calls its function.
    """
    try:
        code = _compile(text, code_file)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        os.write(2, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        return 1
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __file__=PROGRAM_NAME, __cached__=None)
    sys.modules["__main__"] = module
    del text
    gc.enable()
    begin()
    return _leave(_execute(code, module.__dict__, call), module.__dict__)


def _compile(text: bytes, code_file: int) -> types.CodeType:
    if size := os.fstat(code_file).st_size:
        return marshal.loads(os.pread(code_file, size, 0))
    code = compile(text, PROGRAM_NAME, "exec", dont_inherit=True)
    data = marshal.dumps(code)
    with contextlib.suppress(OSError):  # a file cut short by the output limit is emptied: the next run compiles again
        if os.write(code_file, data) < len(data):
            os.ftruncate(code_file, 0)
    return code


def _execute(code: types.CodeType, names: dict[str, Any], call: Callable[..., None] | None) -> int:
    try:
        try:
            if call is None:
                exec(code, names)
            else:
                call(code)
        finally:
            _flush()  # before any exit hook can write past it
    except SystemExit as request:
        return _exit_status(request.code)
    except BaseException:  # the border of the judged program: whatever it raises is its own end, not ours
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _leave(status: int, names: dict[str, Any]) -> int:
    """The steps of interpreter shutdown that a program can notice: threads, exit hooks, flushing, finalisers."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    atexit._run_exitfuncs()
    flushed = _flush()
    names.clear()
    gc.collect()
    return status if flushed and _flush() else 120


def _flush() -> bool:
    for stream in (sys.stdout, sys.__stdout__, sys.stderr):
        if stream is None or getattr(stream, "closed", False):
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            return False
    return True
