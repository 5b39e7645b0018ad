"""Do verdicts repeat? Every kind of program, judged again and again on an idle machine and on a busy one.

    python tests/benchmarks/bench_stability.py [repeats]

Judges some forty programs `repeats` times (20 when not given) with nothing else running, then as often while every
core is kept busy by another process. Prints how many letters differed from the first repeat's, and which programs had
them; ends with status 1 when any did.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import project  # noqa: F401  (before Frontier)

from compute.configs import JudgeLimits
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore, Problem, TestCase

LIMIT_SECONDS = 0.2
SIZES = (3, 50, 400, 3000)
MEMORY_BYTES = 64 << 20
SUM = "n = int(input())\nprint(n * n)\n"
SPIN = f"import time\nwhile time.process_time() < {{}} * {LIMIT_SECONDS}: pass\n{SUM}"
LOOP = "n = int(input())\nt = 0\nfor i in range(n):\n    for j in range(n):\n        t += 1\nprint(t)\n"
CPP = """
#include <cstdio>
#include <cstdlib>
#include <cstring>
int main() { long n; if (scanf("%ld", &n)) printf("%ld\\n", n * n); BODY }
"""
THREADS = "import threading\ndef f():\n    BODY\nfor _ in range(4): threading.Thread(target=f).start()\n"
PROGRAMS = {
    "right": SUM,
    "right, large output": f"{SUM}print(' ' * 5_000_000)\n",
    "quadratic loop": LOOP,
    "wrong on large tests": "n = int(input())\nprint(n * n if n < 100 else 0)\n",
    "crashes on large tests": "n = int(input())\nprint(n * n if n < 100 else 1 // 0)\n",
    "no output": "input()\n",
    "does not compile": "n = (\n",
    "exits with 3": f"{SUM}raise SystemExit(3)\n",
    "leaves at once": f"{SUM}import os, sys\nsys.stdout.flush()\nos._exit(0)\n",
    "aborts": "import os\nos.abort()\n",
    "spins": "while True: pass\n",
    "sleeps": "import time\ntime.sleep(1000)\n",
    "sleeps a little": f"import time\ntime.sleep(0.3)\n{SUM}",
    "sleeps in pieces": f"import time\nfor _ in range(30): time.sleep(0.01)\n{SUM}",
    "takes memory": "kept = []\nwhile True: kept.append(b'x' * (1 << 20))\n",
    "takes memory within its limit": f"kept = b'x' * (40 << 20)\n{SUM}",
    "asks for too much": "kept = [0] * 10 ** 10\n",
    "floods its output": "while True: print('x' * 10_000)\n",
    "floods its errors": "import sys\nwhile True: sys.stderr.write('x' * 10_000)\n",
    "recurses": "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(int(input())) ** 2)\n",
    "four threads": THREADS.replace("BODY", "sum(range(9999))") + SUM,
    "four threads that spin": THREADS.replace("BODY", "while True: pass"),
    "draws": f"import random\nprint(random.random() > 0.5)\n{SUM}",
    "orders by hash": f"print(list({{'a', 'b', 'c', 'd'}})[0])\n{SUM}",
    **{f"spins for {share} limits": SPIN.format(share) for share in (0.3, 0.5, 0.7, 0.9, 1.15, 1.4, 1.6, 2, 4)},
}  # fmt: skip
COMPILED = {
    "C++, right": "return 0;",
    "C++, exits with 1": "return 1;",
    "C++, crashes": "*(volatile int*)0 = 0;",
    "C++, aborts": "abort();",
    "C++, spins": "for (;;) {}",
    "C++, takes memory": "for (;;) memset(malloc(1 << 20), 1, 1 << 20);",
    "C++, floods its output": "char line[1000] = {1}; for (;;) fwrite(line, 1, 1000, stdout);",
    "C++, does not compile": "return missing;",
}  # fmt: skip


@contextmanager
def every_core_busy() -> Iterator[None]:
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        time.sleep(1)
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def submissions(blobs: BlobStore) -> dict[str, Submission]:
    tests = tuple(
        TestCase(
            identifier=str(n),
            group=place,
            input=blobs.put(b"%d\n" % n),
            output=blobs.put(b"%d\n" % (n * n)),
            size_bytes=n,
            reference_seconds=0,
        )
        for place, n in enumerate(SIZES, start=1)
    )
    task = Problem(
        slug="squares",
        title="",
        statement="",
        difficulty="easy",
        cpu_seconds=LIMIT_SECONDS,
        memory_bytes=MEMORY_BYTES,
        tests=tests,
    )
    found = {name: Submission(program, task) for name, program in PROGRAMS.items()}
    if shutil.which("g++"):
        found |= {name: Submission(CPP.replace("BODY", body), task, None, "cpp") for name, body in COMPILED.items()}
    return found


def differing(judge: Judge, judged: dict[str, Submission], repeats: int, known: dict[str, str]) -> dict[str, set[str]]:
    """The letters other than `known`, by program; `known` is filled by the first repeat."""
    other: dict[str, set[str]] = {}
    for _ in range(repeats):
        for name, judgement in zip(judged, judge.judge(list(judged.values())), strict=True):
            if known.setdefault(name, judgement.letters) != judgement.letters:
                other.setdefault(name, set()).add(judgement.letters)
    return other


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    known: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobStore(Path(folder))
        with Judge(JudgeLimits(workers=len(os.sched_getaffinity(0)), output_bytes=8 << 20), blobs) as judge:
            judged = submissions(blobs)
            found = {"idle": differing(judge, judged, repeats, known)}
            with every_core_busy():
                found["every core busy"] = differing(judge, judged, repeats, known)
    for name, letters in known.items():
        print(f"{letters}  {name}")
    for state, other in found.items():
        print(f"stability, {state}: {len(known)} programs x {repeats} repeats, {len(other)} with differing letters")
        for name, letters in other.items():
            print(f"    {name}: {known[name]} and {', '.join(sorted(letters))}")
    raise SystemExit(any(found.values()))


if __name__ == "__main__":
    main()
