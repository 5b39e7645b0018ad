"""A problem package whose tests tell a fast program from a slow and from a wrong one: 1 + 2 + ... + n."""

from collections.abc import Mapping
from pathlib import Path

from tests.compute.packages import Files, write_package

Tests = Mapping[str, int]

LIMIT = "limits:\n  time_limit: 0.3\n"
FAST = "n = int(input())\nprint(n * (n + 1) // 2)\n"
SLOW = "n = int(input())\ntotal = 0\nfor k in range(n + 1):\n    total += k\nprint(total)\n"
WRONG_ON_LARGE = "n = int(input())\nprint(min(n, 5000) * (n + 1) // 2)\n"
SUBMISSIONS: Files = {
    "accepted/formula.py": FAST,
    "time_limit_exceeded/loop.py": SLOW,
    "wrong_answer/capped.py": WRONG_ON_LARGE,
}
TESTS: Tests = {
    "sample/1": 3,
    "secret/1-small/1": 10,
    "secret/1-small/2": 200,
    "secret/2-large/1": 10**9,
    "secret/2-large/2": 10**12,
}


def write_sums(folder: Path, *, limits: str = LIMIT, submissions: Files = SUBMISSIONS, tests: Tests = TESTS) -> Path:
    """In the ICPC / Kattis format. Its second group stops a program that adds one by one."""
    files: dict[str, str | bytes | None] = {
        "problem.yaml": f"problem_format_version: 2023-07-draft\nname: Sums\n{limits}",
        "problem_statement/problem.en.tex": "Print the sum of the first $n$ numbers.\n",
        **{f"data/{name}.in": f"{n}\n" for name, n in tests.items()},
        **{f"data/{name}.ans": f"{n * (n + 1) // 2}\n" for name, n in tests.items()},
        **{f"submissions/{name}": text for name, text in submissions.items()},
    }
    return write_package(folder, files, only=True)
