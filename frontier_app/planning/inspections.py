"""Behind a look at what one program writes on one public test: what may be asked, and the config that asks it.

The run itself is `compute.judge.inspecting`'s. Hidden tests are refused here as they are there.
"""

from pathlib import Path as FilePath

from pydantic import ValidationError

from compute.configs import InspectConfig, JudgeLimits, one_sentence
from frontier_app.models import Evaluation, Sample
from frontier_app.numbers.failures.looks import limits_of_a_look
from frontier_app.planning.launches import source, valid_config
from frontier_app.planning.refusal import LaunchError


def inspection_config(sample: Sample, number: int) -> InspectConfig:
    """What is asked for test `number` (from 1) of a sample's problem. Raises LaunchError."""
    tests = sample.problem.tests
    if sample.program is None:
        raise LaunchError("", "This answer holds no program to run.")
    if not 0 < number <= len(tests):
        raise LaunchError("test", f"This problem has {len(tests)} tests, there is no test {number}.")
    if not tests[number - 1].get("public"):
        raise LaunchError("test", "This test is hidden: what a program writes there is shown to nobody.")
    problem_set = sample.problem.problem_set
    path = source(problem_set, "")
    if not FilePath(path.path).is_file():
        raise LaunchError("", "The file of this problem set is not on this server, so that nothing can be run on it.")
    return valid_config(
        InspectConfig,
        problems=path,
        problem=sample.problem.slug,
        test=number,
        program=sample.program.text,
        limits=_limits(sample.evaluation),
    )


def _limits(evaluation: Evaluation) -> JudgeLimits:
    try:
        return limits_of_a_look(evaluation)
    except ValidationError as error:
        raise LaunchError("", f"The evaluation's limits cannot be used again: {one_sentence(error)}") from None
