"""The figures of one training step: what the answers were worth, and where the time went."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

from compute.judge.judge import Judge
from compute.judge.verdict import FailureClass
from compute.training import processes
from compute.training.rewards import Scored
from compute.usage import SPENT

Kind = Literal["first", "repair", "again"]
"""A problem of the step, an attempt at one that failed, or a problem for want of such attempts."""
TIMED = ("sampling", "judging", "learning")


class Answer(NamedTuple):
    """`cut`: it reached the longest length without an end. `kind`: of its question."""

    score: Scored
    tokens: int
    cut: bool
    kind: Kind


class StepFigures:
    """Collects what one step did; `take` gives it out and begins the next step."""

    def __init__(self, judge: Judge, is_cut: Callable[[Sequence[int]], bool]) -> None:
        self._judge, self._is_cut = judge, is_cut
        self._busy = 0.0
        self.begin()

    def begin(self) -> None:
        """Forget what was collected: whatever was done since `take` is no step's."""
        self._busy_before = self._busy
        self._answers: list[Answer] = []
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._judged = time.monotonic()
        self._executions, self._hits = self._judge.executions, self._judge.cache_hits

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        self._seconds[what] += seconds
        SPENT.add("generation" if what == "sampling" else "judging", seconds)

    def add(
        self,
        scores: Sequence[Scored],
        answers: Sequence[Sequence[int]],
        kinds: Sequence[Kind],
        busy_seconds: float = 0.0,
    ) -> None:
        """One score an answer (token ids), and the kind of its question. `busy_seconds`: how long the judge has worked
        so far."""
        self._judged = time.monotonic()  # what follows until the report is learning
        self._busy = busy_seconds
        self._answers += [
            Answer(score, len(answer), self._is_cut(answer), kind)
            for score, answer, kind in zip(scores, answers, kinds, strict=True)
        ]
        SPENT.add("generation", 0.0, tokens=sum(len(answer) for answer in answers))

    def take(self) -> dict[str, float | None]:
        """Shares of the samples by outcome; infrastructure trouble is counted and left out of every share. They
        are of the first answers; repairs have a figure of their own, so that trainings with and without them compare.

        The samples are those of all processes, which must all ask; seconds and cache are those of the first. The judge
        works while others are sampled: `judging_seconds` is what was waited for it, `judge_busy_seconds` what it took.
        """
        everything = processes.gathered(self._answers)
        answers = [answer for answer in everything if answer.kind == "first"]
        repairs = [answer for answer in everything if answer.kind == "repair"]
        scores = [answer.score for answer in answers]
        outcomes = Counter(score.outcome for score in scores)
        trouble = outcomes.pop(FailureClass.INFRASTRUCTURE, 0)
        judged = sum(outcomes.values())
        executions = self._judge.executions - self._executions
        hits = self._judge.cache_hits - self._hits
        learning = time.monotonic() - self._judged
        SPENT.add("learning", learning)
        values = {
            "reward": mean_reward(answers),
            "solved_rate": share(outcomes[FailureClass.SOLVED], judged),
            "too_slow_rate": share(outcomes[FailureClass.OPTIMISATION], judged),
            "wrong_rate": share(outcomes[FailureClass.CORRECTNESS], judged),
            "no_answer_rate": share(outcomes[FailureClass.NO_ANSWER], judged),
            "infrastructure_count": float(trouble),
            "mean_tokens": share(sum(answer.tokens for answer in answers), len(answers)),
            "cut_rate": share(sum(answer.cut for answer in answers), len(answers)),
            "sampling_seconds": self._seconds["sampling"],
            "judging_seconds": self._seconds["judging"],
            "judge_busy_seconds": self._busy - self._busy_before,
            "learning_seconds": learning,
            "cache_hit_rate": share(hits, hits + executions),
        }
        if repairs:
            values["repair_reward"] = mean_reward(repairs)
        self.begin()
        return values


def mean_reward(answers: Sequence[Answer]) -> float | None:
    rewards = [answer.score.reward for answer in answers if answer.score.reward is not None]
    return share(sum(rewards), len(rewards))


def share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def in_words(values: Mapping[str, float | None]) -> str:
    """The log's line about a step."""
    names = {"reward": "reward", "too_slow_rate": "too slow", "wrong_rate": "wrong", "no_answer_rate": "no answer"}
    shares = ", ".join(f"{title} {shown(values.get(name))}" for name, title in names.items())
    seconds = ", ".join(f"{what} {values.get(f'{what}_seconds') or 0:.1f} s" for what in TIMED)
    return f"{shares}; {seconds}"


def shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
