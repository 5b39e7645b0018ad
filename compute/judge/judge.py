"""Verdicts for many programs: run each in a sandbox, compare here, remember.

The process that compares never runs a program, and the process that runs never holds an answer. A verdict comes from
bytes and from the kernel's account of a run alone. CPU time makes a program too slow (or sleeping without end); a run
just over the limit is repeated while the judge's other workers rest. Infrastructure trouble is its own letter: such a
run is tried once more in a fresh worker before it becomes I. How programs are locked up is `sandbox`'s business.
"""

import hashlib
import os
import signal
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

from compute.configs import JudgeLimits
from compute.judge import zygote
from compute.judge.cache import Outcome, VerdictCache
from compute.judge.checkers import Checker, checker_named
from compute.judge.languages import language_named
from compute.judge.languages.language import Language
from compute.judge.sandbox import Run, RunLimits, Sandbox, SandboxLost, SealedFile, open_sandbox
from compute.judge.verdict import Verdict
from compute.problems.problem import BlobStore, Problem, TestCase

# A run is killed at this multiple of the CPU limit. Between the limit and here it is repeated alone, and its least CPU
# time counts: load only ever adds to it (shared caches cost up to a third), so a run within the limit needs no repeat.
KILL_FACTOR = 1.3
REPEATS = 2
# With limits of hundredths of a second ten times the limit is less than a busy machine's scheduling delay.
LEAST_WALL_SECONDS = 2.0
_KEPT_BYTES = 64 << 20
_NOT_RUN = Outcome(Verdict.NOT_RUN, 0.0, 0)
_LOST = Outcome(Verdict.INFRASTRUCTURE, 0.0, 0)


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


@dataclass(frozen=True)
class Judgement:
    """One letter, CPU time, wall time, peak memory and rule for each requested test, in size order.

    `rules` say what ended a run that neither passed nor gave a wrong answer. `cached`: nothing had to be run.
    `message`: what the compiler said of a program that does not compile.
    """

    letters: str
    cpu_seconds: tuple[float, ...]
    memory_bytes: tuple[int, ...]
    isolation: str
    cached: bool
    wall_seconds: tuple[float, ...] = ()
    rules: tuple[str, ...] = ()
    message: str = ""


@dataclass(eq=False)
class _Case:
    """A program on a problem, shared by all submissions of that pair. `outcomes` fills by test; `doubtful` tests ran
    just over the limit; `remembered` ones came from the cache."""

    text: bytes
    program: bytes
    problem: Problem
    cpu_seconds: float
    limits: RunLimits
    setting: str
    tests: tuple[bytes, ...]
    check: Checker
    language: Language
    wanted: int = 0
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    remembered: frozenset[int] = frozenset()

    def open_tests(self, stop_early: bool) -> list[int]:
        """What is still to run: everything, or the next test unless one has failed."""
        missing = [test for test in range(self.wanted) if test not in self.outcomes]
        if not stop_early or not missing:
            return missing
        failed = any(self.outcomes[test].letter != Verdict.ACCEPTED for test in range(missing[0]))
        return [] if failed else missing[:1]

    def letter(self, run: Run, expected: Callable[[], bytes]) -> Verdict:
        """The verdict on one run, by what happened first in the life of a program."""
        killed_from_outside = os.WIFSIGNALED(run.status) and os.WTERMSIG(run.status) == signal.SIGKILL
        if run.phase == zygote.SETTING_UP or (run.phase == zygote.COMPILING and run.killed == "wall"):
            return Verdict.INFRASTRUCTURE
        if run.phase == zygote.COMPILING:
            return Verdict.INFRASTRUCTURE if killed_from_outside and not run.killed else Verdict.COMPILE_ERROR
        if run.cpu_seconds > self.cpu_seconds:
            return Verdict.TIME_LIMIT
        if run.killed == "wall":
            # One wait is its end. A program that never gave up the processor did not sleep: the machine starved it.
            return Verdict.TIME_LIMIT if run.waits > 1 else Verdict.INFRASTRUCTURE
        if run.output_bytes >= self.limits.output_bytes:
            return Verdict.OUTPUT_LIMIT
        if run.memory_bytes > self.limits.memory_bytes:
            return Verdict.MEMORY_LIMIT
        if killed_from_outside:
            return Verdict.INFRASTRUCTURE  # programs cannot send signals, so the kernel or a person did
        if run.status:
            exhausted = self.language.ran_out_of_memory(run.error_output)
            return Verdict.MEMORY_LIMIT if exhausted else Verdict.RUN_TIME_ERROR
        return Verdict.ACCEPTED if self.check(run.output, expected()) else Verdict.WRONG_ANSWER

    def judgement(self, wanted: int, stop_early: bool, isolation: str) -> Judgement:
        outcomes = [self.outcomes.get(test, _NOT_RUN) for test in range(wanted)]
        if stop_early:
            failed = next((place for place, outcome in enumerate(outcomes) if outcome.letter != "A"), wanted)
            outcomes = [
                outcome if place <= failed or outcome.letter == Verdict.COMPILE_ERROR else _NOT_RUN
                for place, outcome in enumerate(outcomes)
            ]
        return Judgement(
            letters="".join(outcome.letter for outcome in outcomes),
            cpu_seconds=tuple(outcome.cpu_seconds for outcome in outcomes),
            memory_bytes=tuple(outcome.memory_bytes for outcome in outcomes),
            isolation=isolation,
            cached=all(place in self.remembered for place, o in enumerate(outcomes) if o is not _NOT_RUN),
        )


class Judge:
    """`limits.workers` sandboxes and the verdicts they gave. Close it, or use it in a `with` statement.

    `executions` counts runs, repeats included; `cache_hits` counts tests that needed none.
    """

    def __init__(self, limits: JudgeLimits, blobs: BlobStore, cache: Path | None = None) -> None:
        """Raises SandboxError when programs cannot be isolated here and `limits.unsafe` does not allow less."""
        self.limits = limits
        self.executions = 0
        self.cache_hits = 0
        self._blobs = blobs
        self._inputs: _Recent[SealedFile] = _Recent(lambda sha256: _sealed(blobs.get(sha256)))
        self._answers: _Recent[bytes] = _Recent(lambda sha256: _sized(blobs.get(sha256)))
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._sandboxes = [open_sandbox(unsafe=limits.unsafe)]
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="judge")
        self._cache = VerdictCache(cache)
        with ExitStack() as unless_all_start:
            unless_all_start.callback(self.close)
            self._sandboxes += self._pool.map(Sandbox, [self._sandboxes[0].layer] * (limits.workers - 1))
            unless_all_start.pop_all()
        self._free: SimpleQueue[Sandbox] = SimpleQueue()
        for sandbox in self._sandboxes:
            self._free.put(sandbox)

    @property
    def isolation(self) -> str:
        """What holds programs back, strongest first; "none+rlimits" is not isolation."""
        return self._sandboxes[0].isolation

    @property
    def worker_pids(self) -> list[int]:
        return [sandbox.pid for sandbox in self._sandboxes if sandbox.pid]

    def judge(self, submissions: Sequence[Submission], stop_early: bool = False) -> list[Judgement]:
        """Judge all submissions; equal ones run once. Calls from several threads take turns.

        With `stop_early` a program's tests after its first failure in size order are not run ("-"). Raises
        MissingInput when a test's bytes are not stored, ValueError for a checker that is not known, SandboxError when a
        worker cannot be replaced; never because of what a program does.
        """
        with self._lock:
            cases: dict[object, _Case] = {}
            shared = [self._case(submission, cases) for submission in submissions]
            for case in cases.values():
                self._recall(case)
            work = [case for case in cases.values() if case.open_tests(stop_early)]
            list(self._pool.map(lambda case: self._finish(case, stop_early), work))
            for case in work:
                self._repeat_alone(case, stop_early)
            self._remember(work)
            return [
                self._no_program(submission)
                if case is None
                else case.judgement(submission.wanted, stop_early, self.isolation)
                for submission, case in zip(submissions, shared, strict=True)
            ]

    # Before and after running -------------------------------------------------------------------------------------

    def _case(self, submission: Submission, cases: dict[object, _Case]) -> _Case | None:
        if submission.program is None:
            return None
        problem = submission.problem
        text = submission.program.encode("utf-8", "surrogatepass")
        program = hashlib.sha256(text).digest()
        cpu_seconds = self.limits.cpu_seconds or problem.cpu_seconds
        language = language_named(submission.language)
        limits = RunLimits(
            cpu_seconds=KILL_FACTOR * cpu_seconds,
            wall_seconds=max(LEAST_WALL_SECONDS, self.limits.wall_factor * cpu_seconds),
            memory_bytes=self.limits.memory_bytes or problem.memory_bytes,
            output_bytes=self.limits.output_bytes,
        )
        setting = (
            f"{language.name} {language.version(self.limits.toolchain)} cpu={cpu_seconds} memory={limits.memory_bytes} "
            f"output={limits.output_bytes} {self.isolation}"
        )
        tests = tuple(_test_key(test, problem.checker) for test in problem.tests)
        check = checker_named(problem.checker)
        case = _Case(text, program, problem, cpu_seconds, limits, setting, tests, check, language)
        case = cases.setdefault((program, setting, tests), case)
        case.wanted = max(case.wanted, submission.wanted)
        return case

    def _no_program(self, submission: Submission) -> Judgement:
        count = submission.wanted
        return Judgement(Verdict.NO_PROGRAM * count, (0.0,) * count, (0,) * count, self.isolation, cached=False)

    def _recall(self, case: _Case) -> None:
        known = self._cache.get(case.program, case.setting)
        case.outcomes = {place: known[key] for place, key in enumerate(case.tests[: case.wanted]) if key in known}
        case.remembered = frozenset(case.outcomes)
        self.cache_hits += len(case.remembered)

    def _remember(self, cases: Sequence[_Case]) -> None:
        self._cache.put(
            (case.program, case.setting, case.tests[place], outcome)
            for case in cases
            for place, outcome in case.outcomes.items()
            if place not in case.remembered and outcome.letter != Verdict.INFRASTRUCTURE
        )

    # Running ------------------------------------------------------------------------------------------------------

    def _finish(self, case: _Case, stop_early: bool) -> None:
        sandbox = self._free.get()
        try:
            with SealedFile(case.text, "source") as source:
                while tests := case.open_tests(stop_early):
                    self._run(sandbox, source, case, tests[: zygote.MAX_TESTS])
        finally:
            self._free.put(sandbox)

    def _repeat_alone(self, case: _Case, stop_early: bool) -> None:
        """Decide the runs just over the limit by their least CPU time while nothing else of this judge runs."""
        while case.doubtful:
            test = case.doubtful.pop()
            before = [case.outcomes.pop(test)]
            for _ in range(REPEATS):
                self._finish_one(case, test)
                before.append(case.outcomes.pop(test))
            judged = [outcome for outcome in before if outcome.letter != Verdict.INFRASTRUCTURE]
            case.outcomes[test] = min(judged, key=lambda outcome: outcome.cpu_seconds)
            case.doubtful.discard(test)
            self._finish(case, stop_early)

    def _finish_one(self, case: _Case, test: int) -> None:
        sandbox = self._free.get()
        try:
            with SealedFile(case.text, "source") as source:
                self._run(sandbox, source, case, [test])
        finally:
            self._free.put(sandbox)

    def _run(self, sandbox: Sandbox, source: SealedFile, case: _Case, tests: Sequence[int]) -> None:
        """Fill in outcomes of `tests`. What has none is tried once more in a fresh worker."""
        for _ in range(2):
            self._attempt(sandbox, source, case, tests)
            tests = [test for test in tests if case.outcomes.get(test, _NOT_RUN).letter == Verdict.INFRASTRUCTURE]
            if not tests:
                return
            sandbox.restart()

    def _attempt(self, sandbox: Sandbox, source: SealedFile, case: _Case, tests: Sequence[int]) -> None:
        inputs = [self._inputs.get(case.problem.tests[test].input) for test in tests]
        try:
            runs = sandbox.run(source, inputs, case.limits)
        except SandboxLost:
            case.outcomes.update(dict.fromkeys(tests, _LOST))
            return
        with self._counting:
            self.executions += len(runs)
        for test, run in zip(tests, runs, strict=False):  # a program that never begins has one run for all tests
            answer = case.problem.tests[test].output
            letter = case.letter(run, partial(self._answers.get, answer))
            outcome = Outcome(letter, run.cpu_seconds, run.memory_bytes)
            if letter == Verdict.COMPILE_ERROR:
                case.outcomes.update(dict.fromkeys(range(case.wanted), Outcome(letter, 0.0, 0)))
                return
            case.outcomes[test] = outcome
            if letter == Verdict.TIME_LIMIT and case.cpu_seconds < run.cpu_seconds < case.limits.cpu_seconds:
                case.doubtful.add(test)

    def close(self) -> None:
        """Ends the workers and everything that runs in them."""
        self._pool.shutdown()
        for sandbox in self._sandboxes:
            sandbox.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _test_key(test: TestCase, checker: str) -> bytes:
    return hashlib.sha256(f"{test.input} {test.output} {checker}".encode()).digest()


Kept = TypeVar("Kept")


class _Recent(Generic[Kept]):
    """The values used last, up to a number of bytes. Safe to use from several threads."""

    def __init__(self, make: Callable[[str], tuple[Kept, int]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Kept:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(key)
                self._bytes += self._kept[key][1]
            self._kept.move_to_end(key)
            while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
            return self._kept[key][0]


def _sealed(data: bytes) -> tuple[SealedFile, int]:
    return SealedFile(data), len(data) + (1 << 19)  # at most 128 files are kept open, however small they are


def _sized(data: bytes) -> tuple[bytes, int]:
    return data, len(data)
