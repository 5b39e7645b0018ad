"""Runs a Python program in a freshly forked interpreter as a cold one would: same main module, same ends, same bytes.

In the child of the fork server, after everything was given up. Standard library only. A program that defines a function
to be called is `call_program`'s business. What happens at the end follows CPython's `Py_RunMain` and `Py_FinalizeEx`
step by step; not imitated: death by SIGINT (a signal the sandbox refuses to send; the status is CPython's second
choice), C's own output buffers, tracing of shutdown, and (before Python 3.13) the source lines in the traceback that
ends a program.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import gc
import marshal
import os
import signal
import sys
import types

# A program may replace or delete what is built in; what follows its end must not depend on it.
from builtins import BaseException, KeyboardInterrupt, SystemExit, getattr, hasattr, int, isinstance, setattr, str, type  # noqa: UP029
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import NoReturn

PROGRAM_NAME = "program.py"

_FLUSH_FAILED = 120
_INTERRUPTED = 128 + signal.SIGINT
_COLD_CALLS = 2  # what a cold interpreter has counted once the main module runs
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
_HAS_ANNOTATIONS = "__annotations__" in vars(sys.modules["__main__"])  # a matter of the interpreter's version
# Only these let a program notice in which order its objects go. To imitate that takes passes of the collector over all
# of them: a fifth of a second for a million lists, three times what emptying the main module takes.
_FINALISERS = (b"__del__", b"yield", b"async", b"weakref", b"gc.disable")
_modules, _write, _exit, _collect, _run_hooks = sys.modules, os.write, os._exit, gc.collect, atexit._run_exitfuncs
_collects, _show = gc.isenabled, sys.excepthook


def run_program(text: bytes, code_file: int, begin: Callable[[], None], call: Callable[..., None] | None) -> NoReturn:
    """Compile and execute `text` as the main module, then exit with the status a cold interpreter would give.

    `code_file`: where the first run of a request leaves the compiled program for the others. `begin` is called once the
    program compiles. `call`, where given, executes the code and calls its function.
    """
    _allow_calls()
    try:
        code = _compile(text, code_file)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        _show(type(error), error, _own_frames_removed(error))
        _flush("stderr")
        _exit(1)
    module = _main_module(text)
    careful = any(word in text for word in _FINALISERS)
    gc.enable()
    begin()
    status = _execute(code, module, call)
    _allow_calls(more=1000)  # for the steps below, however low a limit the program set
    _wait_for_threads()
    _run_hooks()
    if not (_flush("stdout") & _flush("stderr")) and status != _INTERRUPTED:
        status = _FLUSH_FAILED
    names = module.__dict__
    del module
    if careful and _collects():
        _collect()  # with all still in place, which also brings owners before what they own
    _restore_sys()
    _modules.pop("__main__", None)
    if not careful:
        names.clear()
    del names
    _collect()
    _flush("stdout")
    _flush("stderr")
    _exit(status)


class _ProgramLoader(SourceFileLoader):
    """Lets tracebacks and `inspect` find the source of a program that is in no file."""

    text = b""

    def get_data(self, path: str) -> bytes:
        return self.text if path == PROGRAM_NAME else super().get_data(path)


_loader = _ProgramLoader("__main__", PROGRAM_NAME)  # made once, before the fork, because each child pays for making one


def _main_module(text: bytes) -> types.ModuleType:
    module = types.ModuleType("__main__")
    names = module.__dict__
    _loader.text = text
    names["__loader__"] = _loader
    if _HAS_ANNOTATIONS:
        names["__annotations__"] = {}
    names.update(__builtins__=builtins, __file__=PROGRAM_NAME, __cached__=None)
    _modules["__main__"] = module
    return module


def _compile(text: bytes, code_file: int) -> types.CodeType:
    if size := os.fstat(code_file).st_size:
        return marshal.loads(os.pread(code_file, size, 0))
    code = compile(text, PROGRAM_NAME, "exec", dont_inherit=True)
    data = marshal.dumps(code)
    with contextlib.suppress(OSError):  # a file cut short by the output limit is emptied: the next run compiles again
        if os.write(code_file, data) < len(data):
            os.ftruncate(code_file, 0)
    return code


def _execute(code: types.CodeType, module: types.ModuleType, call: Callable[..., None] | None) -> int:
    failure = None
    _allow_calls()
    try:
        if call is None:
            exec(code, module.__dict__)
        else:
            call(code)
    except BaseException as error:  # the border of the judged program: whatever it raises is its own end, not ours
        failure = error
    _flush("stderr")
    _flush("stdout")  # before any exit hook can write past it
    status = 0 if failure is None else _report(failure)
    failure = None  # which refers to this frame
    return status


# What an exception means ----------------------------------------------------------------------------------------------


def _report(error: BaseException) -> int:
    """Show what ended the program as the interpreter does. Returns the exit status."""
    if isinstance(error, SystemExit):
        return _exit_status(error)
    trace = _own_frames_removed(error)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    if not hasattr(sys, "excepthook"):
        _complain("sys.excepthook is missing\n")
        _show(type(error), error, trace)
        return 1
    try:
        sys.excepthook(type(error), error, trace)
    except SystemExit as request:
        return _exit_status(request)
    except BaseException as second:
        _complain("Error in sys.excepthook:\n")
        _show(type(second), second, _own_frames_removed(second))
        _complain("\nOriginal exception was:\n")
        _show(type(error), error, trace)
    return _INTERRUPTED if type(error) is KeyboardInterrupt else 1


def _own_frames_removed(error: BaseException) -> types.TracebackType | None:
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename.startswith(_OWN_FOLDER):
        trace = trace.tb_next
    error.__traceback__ = trace
    return trace


def _exit_status(request: SystemExit) -> int:
    code = getattr(request, "code", request)
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    try:
        text = str(code)
    except BaseException:
        text = ""
    _complain(text + "\n")
    return 1


def _complain(text: str) -> None:
    try:
        if (stream := getattr(sys, "stderr", None)) is None:
            _write(2, text.encode("utf-8", "backslashreplace"))
        else:
            stream.write(text)
    except BaseException:
        return


# Shutting down --------------------------------------------------------------------------------------------------------


def _flush(name: str) -> bool:
    """Whether a standard stream, if there is one and it is open, could be flushed."""
    stream = getattr(sys, name, None)
    if stream is None:
        return True
    try:
        if not getattr(stream, "closed", False):
            stream.flush()
    except BaseException:
        return False
    return True


def _wait_for_threads() -> None:
    threading = _modules.get("threading")
    try:
        if threading is not None:
            threading._shutdown()
    except BaseException:
        return


def _restore_sys() -> None:
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            setattr(sys, name, None)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__", None))


# How deep a program may recurse ---------------------------------------------------------------------------------------


def _find_allowance() -> ctypes.c_int | None:
    """The interpreter's count of how much deeper this thread may call, found by watching it move."""
    ask = ctypes.PyDLL(None).PyThreadState_Get
    ask.restype = ctypes.c_void_p
    address = ask()
    words = (ctypes.c_int * 64).from_address(address)
    limit, step = sys.getrecursionlimit(), 1357
    before = list(words)
    sys.setrecursionlimit(limit + step)
    after = list(words)
    sys.setrecursionlimit(limit)
    moved = [place for place in range(64) if after[place] - before[place] == step and before[place] != limit]
    return ctypes.c_int.from_address(address + 4 * moved[0]) if len(moved) == 1 else None


def _calls_of_exec(allowance: ctypes.c_int) -> int:
    names = {"allowance": allowance, "left": 0}
    exec("left = allowance.value", names)
    left = names["left"]
    assert isinstance(left, int)
    return allowance.value - left


_allowance = _find_allowance()
_calls_on_the_way = _calls_of_exec(_allowance) - _COLD_CALLS if _allowance else 0


def _allow_calls(more: int = 0) -> None:
    """Let what `exec` is given call as deep as the main module of a cold interpreter, which has no callers."""
    if _allowance is not None:
        _allowance.value = sys.getrecursionlimit() + _calls_on_the_way + more
