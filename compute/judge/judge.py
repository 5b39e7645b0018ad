"""Verdicts for many programs: run each in a sandbox, compare here, remember.

The process that compares never runs a program, and the process that runs never holds an answer. A verdict comes from
bytes and from the kernel's account of a run alone. CPU time makes a program too slow (or sleeping without end); a run
near its limit is repeated while no other judge of this host runs anything. Infrastructure trouble is its own letter:
such a run is tried once more in fresh sandboxes before it becomes I, and on a host too loaded to judge the judge says
so and waits. How programs are locked up is `sandbox`'s business.
"""

import hashlib
import logging
import resource
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple, Self

from compute.configs import JudgeLimits, Toolchain
from compute.judge import zygote
from compute.judge.cache import VerdictCache
from compute.judge.case import ANY, FIRST, NEVER, NOT_RUN, Case, Judgement
from compute.judge.checkers import checker_named, validator_flags
from compute.judge.languages import language_named
from compute.judge.outcome import STARVED, Outcome
from compute.judge.quiet import QuietLock, load_per_core
from compute.judge.recent import Recent
from compute.judge.ruling import Bounds, Ruling, ruling_on, too_loaded
from compute.judge.sandbox import Run, RunLimits, SandboxLost, open_sandbox
from compute.judge.sealed_file import SealedFile
from compute.judge.verdict import Verdict
from compute.judge.worker import CompileError, Dispute, Worker
from compute.judge.workshop import Builds
from compute.problems.problem import BlobStore, Problem, TestCase

__all__ = ["Judge", "Judgement", "Submission"]
log = logging.getLogger(__name__)

# A run is killed at this multiple of the CPU limit. From `DOUBT_FACTOR` on to here it is repeated alone, and its least
# CPU time counts: load only ever adds to it (shared caches cost up to a third).
KILL_FACTOR = 1.3
DOUBT_FACTOR = 0.8
REPEATS = 2
ALONE_WALL_FACTOR = 3
# With limits of hundredths of a second ten times the limit is less than a busy machine's scheduling delay.
LEAST_WALL_SECONDS = 2.0
_KEPT_BYTES = 64 << 20
_MOST_FILES = 1 << 16
_LOST = Outcome(Verdict.INFRASTRUCTURE, 0.0, 0.0, 0, "sandbox lost")


@dataclass(frozen=True)
class Submission:
    """A program for the first `tests` tests of a problem (None: all). No program is judged N on each."""

    program: str | None
    problem: Problem
    tests: int | None = None
    language: str = "python"

    @property
    def wanted(self) -> int:
        return len(self.problem.tests) if self.tests is None else min(self.tests, len(self.problem.tests))


class _Record(NamedTuple):
    """How often a test rejected a program, and what its runs cost."""

    runs: int = 0
    failures: int = 0
    cpu_seconds: float = 0.0

    @property
    def rejections_a_second(self) -> float:
        """With one rejection in two runs of some milliseconds where nothing is known."""
        return (self.failures + 1) / (self.runs + 2) / (self.cpu_seconds / max(1, self.runs) + 0.003)


class Judge:
    """`limits.workers` workers and the verdicts they gave. Close it, or use it in a `with` statement.

    `executions` counts runs, repeats included; `cache_hits` counts tests that needed none.
    """

    def __init__(
        self,
        limits: JudgeLimits,
        blobs: BlobStore,
        cache: Path | None = None,
        *,
        layers: Sequence[str] = zygote.LAYERS[:-1],
        patience_seconds: float = 600.0,
    ) -> None:
        """`layers` are tried in turn. `patience_seconds`: how long a call waits for a host too loaded to judge.

        Raises SandboxError when programs cannot be isolated here and `limits.unsafe` does not allow less.
        """
        allow_many_files()
        self.limits = limits
        self.executions = 0
        self.cache_hits = 0
        self._blobs, self._patience_seconds = blobs, patience_seconds
        self._inputs: Recent[SealedFile] = Recent(lambda sha256: _sealed(blobs.get(sha256)), _KEPT_BYTES)
        self._answers: Recent[bytes] = Recent(lambda sha256: _sized(blobs.get(sha256)), _KEPT_BYTES)
        self._records: dict[bytes, _Record] = {}
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._quiet = QuietLock()
        first = open_sandbox(unsafe=limits.unsafe, layers=layers)
        self.isolation = first.isolation
        """What holds programs back, strongest first; "none+rlimits" is not isolation."""
        builds = Builds()
        self._workers = [
            Worker(first.layer, limits.toolchain, blobs, builds, first if place == 0 else None)
            for place in range(limits.workers)
        ]
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="judge")
        self._cache = VerdictCache(cache)
        with ExitStack() as unless_all_start:
            unless_all_start.callback(self.close)
            list(self._pool.map(Worker.warm_up, self._workers))
            unless_all_start.pop_all()
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    @property
    def worker_pids(self) -> list[int]:
        return [worker.pid for worker in self._workers if worker.pid]

    def judge(
        self, submissions: Sequence[Submission], stop_early: bool = False, *, cheapest_first: bool = False
    ) -> list[Judgement]:
        """Judge all submissions; equal ones run once. Calls from several threads take turns.

        With `stop_early` a program's tests after its first failure in size order are not run ("-"); with
        `cheapest_first` as well, tests run in the order that rejects soonest, and all but those that ran are "-": a
        failure is then some failure, not the first. Raises MissingInput when a test's bytes are not stored, ValueError
        for a checker or a language that is not known, SandboxError when a worker cannot be replaced or the machine
        lacks a language; never because of what a program does.
        """
        stop = NEVER if not stop_early else ANY if cheapest_first else FIRST
        with self._lock:
            cases: dict[object, Case] = {}
            shared = [self._case(submission, cases, stop) for submission in submissions]
            for case in cases.values():
                case.recall(self._cache.get(case.program, case.setting))
                self.cache_hits += len(case.remembered)
            work = [case for case in cases.values() if case.open_tests(stop)]
            list(self._pool.map(lambda unit: self._finish(*unit), self._units(work, stop)))
            gives_up = time.monotonic() + self._patience_seconds
            for case in work:
                self._settle(case, stop, gives_up)
            self._remember(work)
            return [
                self._no_program(submission)
                if case is None
                else case.judgement(submission.wanted, stop, self.isolation)
                for submission, case in zip(submissions, shared, strict=True)
            ]

    # Before and after running -------------------------------------------------------------------------------------

    def _case(self, submission: Submission, cases: dict[object, Case], stop: str) -> Case | None:
        if submission.program is None:
            return None
        problem, language = submission.problem, language_named(submission.language)
        if problem.call and language.name != "python":
            raise ValueError("A function to be called can only be written in Python.")
        text = submission.program.encode("utf-8", "surrogatepass")
        limits, bounds = limits_on(problem, self.limits)
        case = Case(
            text=text,
            program=hashlib.sha256(text).digest(),
            problem=problem,
            language=language,
            bounds=bounds,
            limits=limits,
            setting=f"{language.name} {language.version(self.limits.toolchain)} cpu={bounds.cpu_seconds} "
            f"memory={limits.memory_bytes} output={limits.output_bytes} wall={limits.wall_seconds} {self.isolation}",
            tests=tuple(_test_key(problem, test, self.limits.toolchain) for test in problem.tests),
        )
        # Where any failure will do, one beyond the tests that a submission wants says nothing of it.
        wanted = submission.wanted if stop == ANY else 0
        case = cases.setdefault((case.program, case.setting, case.tests, wanted), case)
        case.wanted = max(case.wanted, submission.wanted)
        return case

    def _no_program(self, submission: Submission) -> Judgement:
        count = submission.wanted
        nothing, rules = (0.0,) * count, ("",) * count
        return Judgement(
            Verdict.NO_PROGRAM * count, nothing, (0,) * count, self.isolation, False, wall_seconds=nothing, rules=rules
        )

    def _remember(self, cases: Sequence[Case]) -> None:
        self._cache.put(
            (case.program, case.setting, case.tests[place], outcome)
            for case in cases
            for place, outcome in case.outcomes.items()
            if place not in case.remembered and outcome.letter != Verdict.INFRASTRUCTURE
        )

    def _units(self, cases: Sequence[Case], stop: str) -> list[tuple[Case, list[int], str]]:
        """Pieces of work that keep all workers busy: whole programs, or where these are few, parts of their tests."""
        if stop != NEVER:
            return [(case, case.open_tests(stop), stop) for case in cases]
        total = sum(len(case.open_tests(stop)) for case in cases)
        width = zygote.MAX_TESTS if self.limits.workers == 1 else max(1, total // (2 * self.limits.workers))
        width = min(width, zygote.MAX_TESTS)
        return [
            (case, tests[start : start + width], stop)
            for case in cases
            for tests in [case.open_tests(stop)]
            for start in range(0, len(tests), width)
        ]

    # Running ------------------------------------------------------------------------------------------------------

    def _finish(self, case: Case, tests: Sequence[int], stop: str) -> None:
        """Run `tests`, or with `stop` as many of them as it takes to find a failure: 1, 1, 2, 4, ... at a time."""
        worker = self._free.get()
        try:
            done = 0
            while missing := [test for test in tests if test not in case.outcomes]:
                if stop == NEVER:
                    few = missing[: zygote.MAX_TESTS]
                elif not case.open_tests(stop):
                    return
                else:
                    few = self._in_order(case, missing, stop)[: min(zygote.MAX_TESTS, max(1, done))]
                with self._quiet.shared():
                    self._run(worker, case, few, stop)
                done += len(few)
        finally:
            self._free.put(worker)

    def _in_order(self, case: Case, tests: list[int], stop: str) -> list[int]:
        if stop == FIRST:
            return tests
        nothing = _Record()
        return sorted(tests, key=lambda test: -self._records.get(case.tests[test], nothing).rejections_a_second)

    def _run(self, worker: Worker, case: Case, tests: Sequence[int], stop: str = NEVER) -> None:
        """Fill in outcomes of `tests`, with `stop` up to the first that ends badly. Infrastructure trouble is tried
        once more in fresh sandboxes, unless it was the host's load."""
        for _ in range(2):
            self._attempt(worker, case, tests, stop)
            tests = [test for test in tests if case.outcomes.get(test, NOT_RUN).is_trouble]
            if not tests:
                return
            worker.restart()

    def _attempt(self, worker: Worker, case: Case, tests: Sequence[int], stop: str) -> None:
        inputs = [self._inputs.get(case.problem.tests[test].input) for test in tests]
        try:
            runs = worker.run(case.work, inputs, stop=stop != NEVER)
            with self._counting:
                self.executions += len(runs)
            for test, run, given in zip(tests, runs, inputs, strict=False):  # fewer runs where one ended badly
                ruling = ruling_on(run, case.bounds, case.language)
                if ruling and ruling.letter == Verdict.COMPILE_ERROR:
                    return case.does_not_compile(case.language.clean(run.error_output.decode("utf-8", "replace")))
                self._note(case, test, run, ruling or self._compare(worker, case, test, run, given))
        except CompileError as error:
            case.does_not_compile(str(error))
        except SandboxLost:
            case.outcomes.update({test: _LOST for test in tests if test not in case.outcomes})

    def _note(self, case: Case, test: int, run: Run, ruling: Ruling) -> None:
        outcome = Outcome(ruling.letter, run.cpu_seconds, run.wall_seconds, run.memory_bytes, ruling.rule)
        case.outcomes[test] = outcome
        near = DOUBT_FACTOR * case.bounds.cpu_seconds < run.cpu_seconds < case.limits.cpu_seconds
        if near and ruling.letter != Verdict.INFRASTRUCTURE:
            case.doubtful.add(test)
        with self._counting:
            known = self._records.get(case.tests[test], _Record())
            failed = ruling.letter not in (Verdict.ACCEPTED, Verdict.INFRASTRUCTURE)
            self._records[case.tests[test]] = _Record(
                known.runs + 1, known.failures + failed, known.cpu_seconds + run.cpu_seconds
            )

    def _compare(self, worker: Worker, case: Case, test: int, run: Run, given: SealedFile) -> Ruling:
        wanted = case.problem.tests[test]
        return compared(worker, case.problem, wanted, run.output, given, self._answers.get(wanted.output))

    # What cannot be believed at once ------------------------------------------------------------------------------

    def _settle(self, case: Case, stop: str, gives_up: float) -> None:
        """Repeat what was near its limit, and what the machine starved; then go on where a verdict has changed."""
        while case.doubtful or case.starved_tests():
            while case.doubtful:
                self._repeat(case, case.doubtful.pop())
            for test in case.starved_tests():
                self._wait_and_repeat(case, test, gives_up)
            if case.doubtful:
                continue
            if stop == NEVER or not case.open_tests(stop):
                return
            self._finish(case, case.open_tests(stop), stop)

    def _repeat(self, case: Case, test: int) -> None:
        """Decide a run near the limit by its least CPU time while nothing else of this host's judges runs."""
        seen = [case.outcomes[test], *(self._again(case, test, alone=True) for _ in range(REPEATS))]
        # Who sleeps while all others wait is stopped early; that says nothing of it.
        judged = [one for one in seen if one.letter != Verdict.INFRASTRUCTURE and one.rule != "wall"] or seen[:1]
        case.outcomes[test] = min(judged, key=lambda outcome: outcome.cpu_seconds)
        case.doubtful.discard(test)

    def _again(self, case: Case, test: int, *, alone: bool) -> Outcome:
        worker = self._free.get()
        limits = case.limits
        try:
            case.outcomes.pop(test, None)
            if alone:
                wall_seconds = max(LEAST_WALL_SECONDS, ALONE_WALL_FACTOR * case.bounds.cpu_seconds)
                case.limits = replace(limits, wall_seconds=min(limits.wall_seconds, wall_seconds))
            with self._quiet.alone() if alone else self._quiet.shared():
                self._run(worker, case, [test])
            return case.outcomes[test]
        finally:
            case.limits = limits
            self._free.put(worker)

    def _wait_and_repeat(self, case: Case, test: int, gives_up: float) -> None:
        """Wait for a calmer host, then judge a starved run again. It stays I when patience ends."""
        if too_loaded(case.bounds) and time.monotonic() < gives_up:
            log.warning("The host is too loaded to judge (%.1f processes a core): waiting.", load_per_core())
        pause = 0.5
        while too_loaded(case.bounds) and time.monotonic() < gives_up:
            time.sleep(pause)
            pause = min(2 * pause, 5.0)
        outcome = self._again(case, test, alone=False)
        if outcome.rule == STARVED:
            case.outcomes[test] = outcome._replace(rule="host too loaded")

    def close(self) -> None:
        """Ends the workers and everything that runs in them."""
        self._pool.shutdown()
        for worker in self._workers:
            worker.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def limits_on(problem: Problem, limits: JudgeLimits) -> tuple[RunLimits, Bounds]:
    """When a run is stopped, and by what it is then judged."""
    cpu_seconds = limits.cpu_seconds or problem.cpu_seconds
    memory_bytes = limits.memory_bytes or problem.memory_bytes
    wall_seconds = max(LEAST_WALL_SECONDS, limits.wall_factor * cpu_seconds)
    return (
        RunLimits(KILL_FACTOR * cpu_seconds, wall_seconds, memory_bytes, limits.output_bytes),
        Bounds(cpu_seconds, memory_bytes, limits.output_bytes, wall_seconds / cpu_seconds),
    )


def compared(
    worker: Worker, problem: Problem, test: TestCase, output: bytes, given: SealedFile, answer: bytes
) -> Ruling:
    """What the problem's checker says of an output, or its validator, which runs in `worker`."""
    name = test.checker or problem.checker
    flags = validator_flags(name)
    if flags is None:
        right = checker_named(name)(output, answer)
        return Ruling(Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER, "")
    assert problem.validator is not None  # checked with the test's key
    return worker.decide(Dispute(problem.validator, flags, given, output, answer))


def allow_many_files() -> None:
    """A worker holds some 130 open files while it runs programs, and a process often may have only 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _test_key(problem: Problem, test: TestCase, toolchain: Toolchain) -> bytes:
    """What the verdict on a test depends on besides the program. Raises ValueError for a checker that is not known."""
    name = test.checker or problem.checker
    parts = [test.input, test.output, name]
    if validator_flags(name) is None:
        checker_named(name)
    elif problem.validator is None:
        raise ValueError(f"The checker {name!r} needs a validator, and {problem.slug} has none.")
    else:
        parts += [problem.validator.model_dump_json(), toolchain.model_dump_json()]
    if problem.call:
        parts.append(problem.call.model_dump_json())
    return hashlib.sha256(" ".join(parts).encode()).digest()


def _sealed(data: bytes) -> tuple[SealedFile, int]:
    return SealedFile(data), len(data) + (1 << 19)  # at most 128 files are kept open, however small they are


def _sized(data: bytes) -> tuple[bytes, int]:
    return data, len(data)
