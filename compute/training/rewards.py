"""The nested-coverage reward (arXiv 2605.28751): 1 when the first K tests in size order pass, else 0.

Higher coverage requires more and larger tests of the same suite; limits are the same at every level. Infrastructure
trouble gives no reward at all, so that such a sample is dropped instead of being punished.
"""

from collections.abc import Sequence
from typing import NamedTuple

from compute.judge.case import Judgement
from compute.judge.judge import Judge, Submission
from compute.judge.verdict import FailureClass, failure_class
from compute.problems.coverage import level_sizes_of, random_tests, tests_required
from compute.problems.problem import Problem


class Scored(NamedTuple):
    """`reward` is None for a sample that must be dropped. `outcome` is by the first failing test in size order; `run`
    is what decided it, after which no further test was begun."""

    reward: float | None
    outcome: FailureClass
    run: Judgement | None = None


class CoverageReward:
    """Judges programs on the tests that `coverage`, in (0, 1], requires of their problem, and no others.

    With `random_seed` these are as many tests drawn once from the whole suite (`coverage.random_tests`).
    """

    def __init__(self, judge: Judge, coverage: float, random_seed: int | None = None) -> None:
        self.judge = judge
        self.coverage = coverage
        self.random_seed = random_seed
        self._drawn: dict[str, Problem] = {}

    def score(self, problems: Sequence[Problem], programs: Sequence[str | None]) -> list[Scored]:
        """One problem a program. A program's judging stops at its first failure: the reward is decided there."""
        submissions = [self._submission(*pair) for pair in zip(problems, programs, strict=True)]
        judgements = self.judge.judge(submissions, stop_early=True)
        return [scored(judgement.letters)._replace(run=judgement) for judgement in judgements]

    def _submission(self, problem: Problem, program: str | None) -> Submission:
        if self.random_seed is None:
            return Submission(program, problem, tests_required(problem, self.coverage))
        if problem.slug not in self._drawn:
            self._drawn[problem.slug] = random_tests(problem, self.coverage, self.random_seed)
        return Submission(program, self._drawn[problem.slug])


def rewards_by_level(problem: Problem, letters: str) -> tuple[float | None, ...]:
    """The reward at each coverage level, lowest first, from one run of the whole suite; None where infrastructure
    trouble hides it. A level's reward never exceeds that of the level below.

    For callers that judge whole suites anyway: a curriculum that chooses the next level by them, a probe that compares
    levels. Training at one coverage judges only what it requires, with `CoverageReward`.
    """
    return tuple(scored(letters[:size]).reward for size in level_sizes_of(problem))


def scored(letters: str) -> Scored:
    """From the verdict letters of the required tests, in size order, to reward and outcome."""
    outcome = failure_class(letters)
    if outcome is FailureClass.INFRASTRUCTURE:
        return Scored(None, outcome)
    passed = bool(letters) and set(letters) == {"A"}
    return Scored(1.0 if passed else 0.0, outcome)
