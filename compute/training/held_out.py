"""Measure a policy on other problems while it trains, and say when it has stopped rising.

Every answer is judged on its problem's whole suite, whatever the training's coverage, so that runs which differ in
coverage can be compared. The random numbers are the same at every measurement and none of the training's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from compute.configs import HeldOut
from compute.errors import ConfigError
from compute.judge.judge import Judge, Submission
from compute.judge.verdict import FailureClass, failure_class
from compute.problems.problem import Problem, read_problem_set
from compute.training import processes
from compute.training.figures import StepFigures, share

SOLVE_RATE = "held_out_solve_rate"
Answers = Callable[[Sequence[Problem], int], list[list[str | None]]]
"""Programs, or None for an answer without one: so many answers to each problem."""


def held_out_problems(config: HeldOut) -> list[Problem]:
    """Raises MissingInput, ConfigError."""
    problems = read_problem_set(config.problems.path)
    if not problems:
        raise ConfigError(f"The problem set {config.problems.path} holds no problems.")
    wanted = min(config.most or len(problems), len(problems))
    return [problems[place * len(problems) // wanted] for place in range(wanted)]


def even_share(problems: Sequence[Problem], rank: int, count: int) -> list[Problem]:
    """`problems[rank::count]`, and the last problem once more where that is one fewer than other processes have."""
    rounds = -(-len(problems) // count)
    return [problems[min(rank + count * turn, len(problems) - 1)] for turn in range(rounds)]


def measure(
    problems: Sequence[Problem], samples: int, answers: Answers, judge: Judge, figures: StepFigures
) -> dict[str, float | None]:
    """Shares of the answers by failure class, infrastructure trouble left out. The processes share the problems.

    `answers` may be collective, so all processes ask it for as many; what only makes them even is not judged.
    """
    rank, count = processes.rank(), processes.count()
    mine = problems[rank::count]
    programs = answers(even_share(problems, rank, count), samples)[: len(mine)]
    submissions = [
        Submission(program, problem) for problem, written in zip(mine, programs, strict=True) for program in written
    ]
    with figures.timed("judging"):
        outcomes = [failure_class(judgement.letters) for judgement in judge.judge(submissions)]
    found = Counter(processes.gathered(outcomes))
    judged = found.total() - found[FailureClass.INFRASTRUCTURE]
    return {
        SOLVE_RATE: share(found[FailureClass.SOLVED], judged),
        "held_out_too_slow_rate": share(found[FailureClass.OPTIMISATION], judged),
        "held_out_wrong_rate": share(found[FailureClass.CORRECTNESS], judged),
        "held_out_no_answer_rate": share(found[FailureClass.NO_ANSWER], judged),
    }


def has_stalled(rates: Iterable[float | None], patience: int) -> bool:
    """Whether none of the last `patience` rates exceeds the best before them. What is undefined does not count."""
    known = [rate for rate in rates if rate is not None]
    return len(known) > patience and max(known[-patience:]) <= max(known[:-patience])
