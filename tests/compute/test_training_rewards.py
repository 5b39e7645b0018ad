"""The nested-coverage reward with the real judge."""

from pathlib import Path

import pytest

from compute.configs import JudgeLimits
from compute.judge.judge import Judge
from compute.judge.verdict import FailureClass
from compute.problems.coverage import random_tests
from compute.problems.problem import BlobStore, read_problem_set
from compute.training.rewards import CoverageReward, rewards_by_level, scored
from tests.compute.judging import problem_of

FAST = "print(sum(map(int, input().split())))\n"
SLOW = "n = list(map(int, input().split()))\nfor _ in range(len(n) ** 3): pass\nprint(sum(n))\n"
PROGRAMS = [FAST, SLOW, "print(0)\n", "raise SystemExit(1)\n", "def f(:\n", None]


@pytest.fixture(scope="module")
def rewards_at(sums):
    problem = read_problem_set(Path(sums["path"]))[0]
    with Judge(JudgeLimits(), BlobStore(Path(sums["blobs"]))) as judge:

        def score(coverage):
            return CoverageReward(judge, coverage).score([problem] * len(PROGRAMS), PROGRAMS)

        yield score


def test_low_coverage_rewards_the_slow_program_and_full_coverage_does_not(rewards_at):
    assert [score.reward for score in rewards_at(0.4)] == [1, 1, 0, 0, 0, 0]
    assert [score.reward for score in rewards_at(1.0)] == [1, 0, 0, 0, 0, 0]


def test_outcomes_tell_slow_from_wrong_from_nothing(rewards_at):
    assert [score.outcome.value for score in rewards_at(1.0)] == ["S", "O", "C", "C", "C", "N"]


def test_as_many_tests_at_random_reward_the_slow_program_where_no_large_one_is_drawn(sums):
    problems = read_problem_set(Path(sums["path"]))
    large = {test.identifier for test in problems[0].tests[3:]}
    expected, found = [], []
    with Judge(JudgeLimits(), BlobStore(Path(sums["blobs"]))) as judge:
        for seed in range(3):
            drawn = [random_tests(problem, 0.4, seed) for problem in problems]
            expected += [float(not large & {test.identifier for test in draw.tests}) for draw in drawn]
            scores = CoverageReward(judge, 0.4, random_seed=seed).score(problems, [SLOW] * len(problems))
            found += [score.reward for score in scores]
    assert found == expected
    assert set(expected) == {0, 1}


def test_infrastructure_trouble_gives_no_reward():
    assert scored("AAI") == (None, FailureClass.INFRASTRUCTURE, None)


def test_every_required_test_must_have_passed():
    assert scored("AAA").reward == 1
    assert [scored(letters).reward for letters in ("AAT", "AW-", "N", "A-")] == [0, 0, 0, 0]


def test_rewards_for_every_level_come_from_one_run(blobs):
    problem = problem_of(blobs)
    assert rewards_by_level(problem, "AAT") == (1.0, 1.0, 0.0)
    assert rewards_by_level(problem, "AIT") == (1.0, None, None)
