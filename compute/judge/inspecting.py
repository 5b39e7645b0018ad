"""Runs one program on one public test and keeps what it wrote: the job of kind "inspect".

Verdicts of an evaluation hold letters and times, no outputs; who wants to see an output runs the program once more. One
run in the real sandbox, under the evaluation's limits, whose letter is of this very run: a run near a limit can end
otherwise than the evaluation's did, which repeats such runs. Nothing is cached, and hidden tests are refused.
"""

from collections.abc import Callable

from compute.configs import InspectConfig
from compute.errors import ConfigError
from compute.events import EventWriter
from compute.judge.languages import language_named
from compute.judge.languages.language import Language
from compute.judge.once import run_once
from compute.judge.sandbox import open_sandbox
from compute.judge.worker import Worker
from compute.judge.workshop import Builds
from compute.problems.problem import BlobStore, Problem, TestCase, read_problem_set

SHOWN_BYTES = 16 << 10


def run(config: InspectConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Raises ConfigError for a test that is hidden or not there, MissingInput for bytes that are not stored, and
    SandboxError where programs cannot be isolated."""
    problem = _problem(config)
    test = _public_test(problem, config.test)
    language = _language(config.language)
    blobs = BlobStore(config.problems.blobs)
    sandbox = open_sandbox(unsafe=config.limits.unsafe)
    worker = Worker(sandbox.layer, config.limits.toolchain, blobs, Builds(), sandbox)
    try:
        outcome, output, errors = run_once(worker, blobs, problem, test, config.program, language, config.limits)
    finally:
        worker.close()
    return {
        "letter": str(outcome.letter),
        "rule": outcome.rule,
        "cpu_seconds": round(outcome.cpu_seconds, 6),
        "wall_seconds": round(outcome.wall_seconds, 6),
        "memory_bytes": outcome.memory_bytes,
        "isolation": sandbox.isolation,
        "got": output[:SHOWN_BYTES].decode("utf-8", "replace"),
        "got_bytes": len(output),
        "error_output": errors.encode("utf-8", "replace")[-SHOWN_BYTES:].decode("utf-8", "replace"),
    }


def _problem(config: InspectConfig) -> Problem:
    found = next((one for one in read_problem_set(config.problems.path) if one.slug == config.problem), None)
    if found is None:
        raise ConfigError(f"The problem {config.problem} is not in {config.problems.path}.")
    return found


def _public_test(problem: Problem, number: int) -> TestCase:
    if number > len(problem.tests):
        raise ConfigError(f"The problem {problem.slug} has {len(problem.tests)} tests, there is no test {number}.")
    test = problem.tests[number - 1]
    if not test.public:
        raise ConfigError(f"Test {number} of {problem.slug} is hidden: what a program writes there is shown to nobody.")
    return test


def _language(name: str) -> Language:
    try:
        return language_named(name)
    except ValueError as error:
        raise ConfigError(str(error)) from None
