"""Calls the function that a program defines with the arguments on standard input, and writes the result as JSON.

For problems in the style of LiveCodeBench and HumanEval. Inside the child, which never holds the expected result. While
the program runs, what it prints goes to standard error: only the result is its output. Standard library only, and a
file that stands alone, so that a cold interpreter can be given it (`program.py` beside it, then the function and
perhaps the class as arguments).
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

PRELUDE = """
from typing import *
from collections import *
from heapq import *
from bisect import *
from itertools import *
from functools import *
from math import *
from string import *
import bisect, collections, copy, datetime, functools, heapq, itertools, json, math, operator, random, re, string, sys
"""
"""What such problems' starter code takes for granted."""


def call_program(code: types.CodeType, function: str, class_name: str | None = None) -> None:
    """Execute `code` as a module called "program", then write `function(*arguments)` to standard output as JSON.

    With `class_name` and where the program defines such a class, the function is a method of an instance of it. Raises
    whatever the program raises; NameError when it does not define the function, TypeError or ValueError when the result
    is not JSON.
    """
    with open(0, "rb", closefd=False) as stdin:
        arguments = json.load(stdin)
    output = os.dup(1)
    os.dup2(2, 1)
    module = types.ModuleType("program")
    sys.modules["program"] = module
    exec(PRELUDE, module.__dict__)
    exec(code, module.__dict__)
    result = _find(module, function, class_name)(*arguments)
    sys.stdout.flush()
    text = json.dumps(result).encode()
    os.dup2(output, 1)
    with open(1, "wb", closefd=False) as stdout:
        stdout.write(text)


def _find(module: types.ModuleType, function: str, class_name: str | None) -> Any:
    if class_name and isinstance(module.__dict__.get(class_name), type):
        return getattr(module.__dict__[class_name](), function)
    if function not in module.__dict__:
        raise NameError(f"the program defines no {function}")
    return module.__dict__[function]


if __name__ == "__main__":
    with open("program.py", "rb") as _file:
        call_program(compile(_file.read(), "program.py", "exec"), *sys.argv[1:])
