"""One program on one problem while it is judged: what is known, what is still to run, and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from compute.judge.languages.language import Language
from compute.judge.outcome import STARVED, Outcome
from compute.judge.ruling import Bounds
from compute.judge.sandbox import RunLimits
from compute.judge.verdict import Verdict
from compute.judge.worker import Work
from compute.problems.problem import Problem

NOT_RUN = Outcome(Verdict.NOT_RUN, 0.0, 0.0, 0)
NEVER, FIRST, ANY = "never", "first failure", "any failure"
"""When judging stops: after all tests, after the first failure in size order, after whatever failure is found first."""


@dataclass(frozen=True)
class Judgement:
    """One letter, CPU time, wall time, peak memory and rule for each requested test, in size order.

    `rules` say what ended a run that neither passed nor gave a wrong answer. `cached`: nothing had to be run.
    `message`: what the compiler said of a program that does not compile, empty where that was known already.
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
class Case:
    """A program on a problem, shared by all submissions of that pair. `tests` are the cache's keys.

    `outcomes` fills by test; `doubtful` tests ran near the limit; `remembered` ones came from the cache.
    """

    text: bytes
    program: bytes
    problem: Problem
    language: Language
    bounds: Bounds
    limits: RunLimits
    setting: str
    tests: tuple[bytes, ...]
    wanted: int = 0
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    remembered: frozenset[int] = frozenset()
    message: str = ""

    @property
    def work(self) -> Work:
        return Work(self.text, self.language, self.problem.call, self.limits)

    def recall(self, known: Mapping[bytes, Outcome]) -> None:
        self.outcomes = {place: known[key] for place, key in enumerate(self.tests[: self.wanted]) if key in known}
        self.remembered = frozenset(self.outcomes)

    def open_tests(self, stop: str) -> list[int]:
        """What is still to run, in size order: all that is missing, or nothing once a failure decides."""
        missing = [test for test in range(self.wanted) if test not in self.outcomes]
        if stop == NEVER or not missing:
            return missing
        before = missing[0] if stop == FIRST else self.wanted
        failed = any(self.failed(test) for test in range(before) if test in self.outcomes)
        return [] if failed else missing

    def failed(self, test: int) -> bool:
        return self.outcomes[test].letter != Verdict.ACCEPTED

    def does_not_compile(self, message: str) -> None:
        """A compile error is one on every test."""
        self.message = message
        failed = Outcome(Verdict.COMPILE_ERROR, 0.0, 0.0, 0, "compiler")
        self.outcomes.update(dict.fromkeys(range(self.wanted), failed))

    def starved_tests(self) -> list[int]:
        return [test for test, outcome in self.outcomes.items() if outcome.rule == STARVED]

    def judgement(self, wanted: int, stop: str, isolation: str) -> Judgement:
        outcomes = [self.outcomes.get(test, NOT_RUN) for test in range(wanted)]
        if stop == FIRST:
            failed = next((place for place, outcome in enumerate(outcomes) if outcome.letter != "A"), wanted)
            outcomes = [
                outcome if place <= failed or outcome.letter == Verdict.COMPILE_ERROR else NOT_RUN
                for place, outcome in enumerate(outcomes)
            ]
        return Judgement(
            letters="".join(outcome.letter for outcome in outcomes),
            cpu_seconds=tuple(outcome.cpu_seconds for outcome in outcomes),
            memory_bytes=tuple(outcome.memory_bytes for outcome in outcomes),
            isolation=isolation,
            cached=all(place in self.remembered for place, o in enumerate(outcomes) if o is not NOT_RUN),
            wall_seconds=tuple(outcome.wall_seconds for outcome in outcomes),
            rules=tuple(outcome.rule for outcome in outcomes),
            message=self.message,
        )
