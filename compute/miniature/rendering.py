"""From a task to text: title, statement, the slow program and the fast one.

The template dialect is described in `compute.miniature.kinds`. Programs read standard input and print.
"""

import ast
import re
from functools import cache

from compute.miniature.composition import Task
from compute.miniature.parts import FILTERS, POSTS, TRANSFORMS

_READING = {
    "n": ("Read n, then n values.", "n=int(input())"),
    "n k": ("Read n and k, then n values.", "n,k=map(int,input().split())"),
    "n q": ("Read n and q, then n values, then q queries.", "n,q=map(int,input().split())"),
}
_READ_VALUES = "a=list(map(int,input().split()))"


def title(task: Task) -> str:
    _, transform, chosen, post = task.composition
    labels = (TRANSFORMS[transform].label, FILTERS[chosen].label, POSTS[post].label)
    return task.fill(", ".join([task.kind.title, *filter(None, labels)]))


def statement(task: Task) -> str:
    """One sentence a line, each line ended."""
    _, transform, chosen, post = task.composition
    keep = "Keep only" if task.kind.filter_mode == "drop" else "Count only"
    sentences = (
        _READING[task.kind.reads][0],
        TRANSFORMS[transform].sentence,
        FILTERS[chosen].sentence.replace("{keep}", keep),
        task.kind.sentence,
        POSTS[post].sentence,
    )
    return task.fill("".join(sentence + "\n" for sentence in sentences if sentence))


def slow_program(task: Task) -> str:
    """Simple, right, and too slow on large inputs (for an easy kind: the only program)."""
    return program(task, task.kind.slow)


def fast_program(task: Task) -> str:
    return program(task, task.kind.fast or task.kind.slow)


def program(task: Task, template: str) -> str:
    """Complete a template of the task's kind. The text ends without a line feed."""
    _, transform, chosen, post = task.composition
    condition = FILTERS[chosen].expression
    lines = [_READING[task.kind.reads][1], _READ_VALUES]
    if TRANSFORMS[transform].expression:
        lines.append(f"a=[{TRANSFORMS[transform].expression} for x in a]")
    if condition and task.kind.filter_mode == "drop":
        lines += [f"a=[x for x in a if {condition}]", "n=len(a)"]
    if condition and task.kind.filter_mode == "zero":
        lines.append(f"a=[x*({condition}) for x in a]")
    lines += guarded(template.split("\n"), condition)
    text = re.sub("«(.*?)»", lambda match: answer(match[1], POSTS[post].expression), "\n".join(lines))
    return task.fill(text)


def guarded(lines: list[str], condition: str) -> list[str]:
    """Complete `when:` and `otherwise:` blocks; without a condition the first is dissolved and the second dropped."""
    if condition:
        return [line.replace("when:", f"if {condition}:").replace("otherwise:", "else:") for line in lines]
    kept = []
    block, depth = "", 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if block and indent <= depth:
            block = ""
        if line.strip() in ("when:", "otherwise:"):
            block, depth = line.strip(), indent
        elif not block:
            kept.append(line)
        elif block == "when:":
            kept.append(line[1:])
    return kept


@cache
def answer(expression: str, post: str) -> str:
    """`expression` with the last step applied, in parentheses where precedence asks for them."""
    if not post:
        return expression
    atom = isinstance(ast.parse(expression, mode="eval").body, ast.Name | ast.Call | ast.Subscript)
    return expression + post if atom else f"({expression}){post}"
