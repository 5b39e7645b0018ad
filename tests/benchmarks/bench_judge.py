"""Executions per second of the judge against a cold interpreter for each run, on the same machine at the same moment.

    python tests/benchmarks/bench_judge.py [workers]

Both run the same small program with the imports of a contest solution, on as many workers. Bar: 10 times. The rounds of
the two alternate, so that load on the machine meets both alike. Prints one line; leaves nothing behind.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import project  # noqa: F401  (before Frontier)

from compute.configs import JudgeLimits
from compute.judge.judge import Judge, Submission
from compute.problems.problem import BlobStore, Problem, TestCase

PROGRAM = """# {round}
import sys, math, heapq, bisect, itertools, functools, collections, re, random, string
n = int(sys.stdin.readline())
print(sum(i * i for i in range(n)))
"""
TESTS, PROGRAMS, ROUNDS = 5, 40, 5


def problem(blobs: BlobStore) -> Problem:
    tests = []
    for n in range(1, TESTS + 1):
        given, expected = blobs.put(b"%d\n" % n), blobs.put(b"%d\n" % sum(i * i for i in range(n)))
        tests.append(
            TestCase(identifier=str(n), group=n, input=given, output=expected, size_bytes=2, reference_seconds=0)
        )
    return Problem(
        slug="squares",
        title="Squares",
        statement="",
        difficulty="easy",
        cpu_seconds=0.5,
        memory_bytes=256 << 20,
        tests=tests,
    )


def judged_per_second(judge: Judge, task: Problem, first: int) -> float:
    """New programs each time: nothing is answered from memory."""
    submissions = [Submission(PROGRAM.format(round=first + place), task) for place in range(PROGRAMS)]
    started = time.perf_counter()
    judgements = judge.judge(submissions)
    seconds = time.perf_counter() - started
    assert {judgement.letters for judgement in judgements} == {"A" * TESTS}
    return TESTS * PROGRAMS / seconds


def cold_per_second(workers: int) -> float:
    def run(_: int) -> None:
        subprocess.run([sys.executable, "-c", PROGRAM.format(round=0)], input=b"3\n", capture_output=True, check=True)

    runs = 10 * workers
    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(run, range(runs)))
        return runs / (time.perf_counter() - started)


def main() -> None:
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobStore(Path(folder))
        task = problem(blobs)
        with Judge(JudgeLimits(workers=workers), blobs) as judge:
            judged_per_second(judge, task, 0)
            rounds = [
                (judged_per_second(judge, task, PROGRAMS * i), cold_per_second(workers)) for i in range(1, ROUNDS + 1)
            ]
            judged, cold = (sum(rates) / ROUNDS for rates in zip(*rounds, strict=True))
            print(
                f"judge: {judged:.0f} executions/s, cold interpreter: {cold:.0f} executions/s, "
                f"ratio {judged / cold:.1f} (bar: 10), {workers} workers, {judge.isolation}"
            )


if __name__ == "__main__":
    main()
