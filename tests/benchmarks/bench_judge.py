"""What judging costs, as ratios within one run.

    python tests/benchmarks/bench_judge.py [cold] [exec] [batch] [tests]        (all of them when none is named)

cold    runs a second on one core (one worker) against a cold interpreter for each run with the same imports (bar: 10x)
        and against bubblewrap + Python (bar: 5x, where bwrap is installed); then with a worker a core
exec    a compiled program in the sandbox against a bare fork + exec of it (where g++ is installed)
batch   1 000 programs of the miniature x 20 tests, a worker a core: wall time against the programs' own CPU time
tests   what a program costs against its number of tests, as a straight line

The rounds of what is compared alternate, so that load on the machine meets all alike. Leaves nothing behind.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import project  # noqa: F401  (before Frontier)

from compute.configs import JudgeLimits, Toolchain
from compute.judge.judge import Judge, Submission
from compute.judge.languages import language_named
from compute.judge.sandbox import RunLimits, SealedFile
from compute.judge.workshop import Workshop
from compute.miniature.composition import draw_balanced, reinforcement_compositions
from compute.miniature.execution import run_program
from compute.miniature.inputs import LARGE_RANGES, Shape, draw_input
from compute.miniature.rendering import fast_program, slow_program
from compute.miniature.slips import with_slips
from compute.problems.problem import BlobStore, Problem, TestCase

PROGRAM = """# {round}
import sys, math, heapq, bisect, itertools, functools, collections, re, random, string
n = int(sys.stdin.readline())
print(sum(i * i for i in range(n)))
"""
CPP = '#include <cstdio>\nint main() { long n; scanf("%ld", &n); printf("%ld\\n", n * n); }\n'
TESTS, PROGRAMS, ROUNDS = 5, 40, 5
BATCH_PROGRAMS, BATCH_TASKS, BATCH_TESTS = 1000, 50, 20
CORES = len(os.sched_getaffinity(0))


def problem(blobs: BlobStore, pairs: Sequence[tuple[bytes, bytes]], **fields: object) -> Problem:
    tests = [
        TestCase(
            identifier=str(place),
            group=1,
            input=blobs.put(given),
            output=blobs.put(answer),
            size_bytes=len(given),
            reference_seconds=0,
        )
        for place, (given, answer) in enumerate(pairs)
    ]
    known = {"slug": "bench", "title": "", "statement": "", "difficulty": "easy", "cpu_seconds": 0.5}
    return Problem.model_validate({**known, "memory_bytes": 256 << 20, "tests": tests, **fields})


def squares(blobs: BlobStore, count: int) -> Problem:
    return problem(blobs, [(b"%d\n" % n, b"%d\n" % sum(i * i for i in range(n))) for n in range(1, count + 1)])


def judged_per_second(judge: Judge, task: Problem, first: int) -> float:
    """New programs each time: nothing is answered from memory."""
    submissions = [Submission(PROGRAM.format(round=first + place), task) for place in range(PROGRAMS)]
    started = time.perf_counter()
    judgements = judge.judge(submissions)
    seconds = time.perf_counter() - started
    assert {judgement.letters for judgement in judgements} == {"A" * len(task.tests)}
    return len(task.tests) * PROGRAMS / seconds


def commands_per_second(command: Sequence[str], workers: int, given: bytes = b"3\n", runs: int = 10) -> float:
    """Processes started one after the other by each of `workers` threads."""

    def run(_: int) -> None:
        subprocess.run(command, input=given, capture_output=True, check=True)

    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(run, range(runs * workers)))
        return runs * workers / (time.perf_counter() - started)


def bubblewrap(bwrap: str) -> list[str]:
    """The isolation of the judge as bubblewrap offers it: no network, own processes, a read-only system."""
    bound = [part for folder in ("/usr", "/lib", "/lib64", "/bin", sys.base_prefix) if Path(folder).exists()
             for part in ("--ro-bind", folder, folder)]  # fmt: skip
    interpreter = os.path.realpath(sys.executable)
    return [bwrap, "--unshare-all", "--die-with-parent", *bound, "--dev", "/dev", interpreter, "-c", PROGRAM]


def cold(blobs: BlobStore) -> None:
    task = squares(blobs, TESTS)
    interpreter = [os.path.realpath(sys.executable), "-c", PROGRAM]
    bwrap = shutil.which("bwrap")
    for workers in sorted({1, CORES}):
        with Judge(JudgeLimits(workers=workers), blobs) as judge:
            judged_per_second(judge, task, 0)
            contenders: dict[str, Callable[[int], float]] = {
                "judge": lambda n, judge=judge: judged_per_second(judge, task, PROGRAMS * n),
                "cold interpreter": lambda n, workers=workers: commands_per_second(interpreter, workers),
            }
            if bwrap:
                contenders["bubblewrap + Python"] = lambda n, workers=workers: commands_per_second(
                    bubblewrap(bwrap), workers
                )
            rates: dict[str, list[float]] = {name: [] for name in contenders}
            for n in range(1, ROUNDS + 1):
                for name, contender in contenders.items():
                    rates[name].append(contender(n))
            medians = {name: median(values) for name, values in rates.items()}
            shown = ", ".join(f"{name} {rate:.0f} runs/s" for name, rate in medians.items())
            ratios = ", ".join(
                f"{medians['judge'] / rate:.1f}x {name}" for name, rate in medians.items() if name != "judge"
            )
            print(f"cold, {workers} worker{'s'[: workers > 1]}: {shown}; judge is {ratios}  [{judge.isolation}]")


def exec_overhead(blobs: BlobStore) -> None:
    if shutil.which("g++") is None:
        return print("exec: there is no g++ here")
    limits = RunLimits(cpu_seconds=5, wall_seconds=20, memory_bytes=256 << 20, output_bytes=1 << 20)
    with tempfile.TemporaryDirectory() as folder, Judge(JudgeLimits(), blobs) as judge:
        binary = Path(folder) / "square"
        source = binary.with_suffix(".cpp")
        source.write_text(CPP)
        subprocess.run(["g++", *Toolchain().cpp_flags, "-o", str(binary), str(source)], check=True)
        with Workshop(judge.isolation.partition("+")[0]) as workshop:
            built = workshop.build(language_named("cpp"), {"program.cpp": CPP.encode()})
            inputs = [SealedFile(b"%d\n" % n) for n in range(20)]
            workshop.start(built, inputs, limits)
            sandboxed, bare = [], []
            for _ in range(ROUNDS):
                started = time.perf_counter()
                for _ in range(5):
                    workshop.start(built, inputs, limits)
                sandboxed.append((time.perf_counter() - started) / 100)
                bare.append(1 / commands_per_second([str(binary)], 1, runs=100))
    inside, outside = median(sandboxed), median(bare)
    print(
        f"exec: {1e3 * inside:.2f} ms a compiled program in the sandbox, {1e3 * outside:.2f} ms fork + exec + pipes "
        f"by subprocess: {inside / outside:.2f}x"
    )


def batch(blobs: BlobStore) -> None:
    rng = random.Random(0)
    submissions: list[Submission] = []
    for task in draw_balanced(reinforcement_compositions(), {"hard": BATCH_TASKS}, rng):
        pairs = []
        for size in np.geomspace(6, 400, BATCH_TESTS).astype(int):
            text = draw_input(task, Shape(int(size), rng.choice(LARGE_RANGES), False), rng)
            answer = run_program(fast_program(task), text).output
            assert answer is not None
            pairs.append((text.encode(), answer.encode()))
        posed = problem(blobs, pairs, cpu_seconds=0.2)
        for number in range(BATCH_PROGRAMS // BATCH_TASKS):
            program = (fast_program, slow_program)[number % 2](task)
            submissions.append(Submission(f"# {number}\n{with_slips(program, 0.2, rng)}", posed))
    with Judge(JudgeLimits(workers=CORES), blobs) as judge:
        started = time.perf_counter()
        judgements = judge.judge(submissions)
        seconds = time.perf_counter() - started
    runs = sum(len(judgement.letters) for judgement in judgements)
    own = sum(sum(judgement.cpu_seconds) for judgement in judgements)
    letters = "".join(judgement.letters for judgement in judgements)
    counts = " ".join(f"{letter}{letters.count(letter)}" for letter in "AWRTMI" if letter in letters)
    print(
        f"batch: {len(submissions)} programs x {BATCH_TESTS} tests in {seconds:.1f} s on {CORES} cores: "
        f"{runs / seconds:.0f} runs/s; {seconds * CORES / own:.2f} core seconds for each CPU second of the programs "
        f"({judge.executions} runs, {counts})"
    )


def against_tests(blobs: BlobStore) -> None:
    counts = (1, 5, 10, 20, 40, 80, 160)
    tasks = {count: squares(blobs, count) for count in counts}
    with Judge(JudgeLimits(), blobs) as judge:
        times: dict[int, list[float]] = {count: [] for count in counts}
        for round_ in range(ROUNDS):
            for count, task in tasks.items():
                started = time.perf_counter()
                judge.judge([Submission(PROGRAM.format(round=round_), task)])
                times[count].append(time.perf_counter() - started)
    x, y = np.array(counts), np.array([median(times[count]) for count in counts])
    slope, offset = np.polyfit(x, y, 1)
    explained = 1 - np.sum((y - (slope * x + offset)) ** 2) / np.sum((y - y.mean()) ** 2)
    print(
        f"tests: {1e3 * slope:.2f} ms a test + {1e3 * offset:.1f} ms a program, a straight line (R2 = {explained:.4f})"
    )


BENCHMARKS: dict[str, Callable[[BlobStore], None]] = {
    "cold": cold,
    "exec": exec_overhead,
    "batch": batch,
    "tests": against_tests,
}


def main() -> None:
    chosen = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in chosen if name not in BENCHMARKS]:
        raise SystemExit(f"There is no benchmark {unknown[0]!r}; there is {', '.join(BENCHMARKS)}.")
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            BENCHMARKS[name](BlobStore(Path(folder)))


if __name__ == "__main__":
    main()
