"""Runs one program on one public test and keeps what it wrote: the job of kind "inspect".

Verdicts of an evaluation hold letters and times, no outputs; who wants to see an output runs the program once more. One
run in the real sandbox, under the evaluation's limits, whose letter is of this very run: a run near a limit can end
otherwise than the evaluation's did, which repeats such runs. Nothing is cached, and hidden tests are refused.
"""

from collections.abc import Callable

from compute.configs import InspectConfig
from compute.errors import ConfigError
from compute.events import EventWriter
from compute.judge.judge import compared, limits_on
from compute.judge.languages import language_named
from compute.judge.languages.language import Language
from compute.judge.outcome import Outcome
from compute.judge.ruling import ruling_on
from compute.judge.sandbox import Run, SandboxLost, open_sandbox
from compute.judge.sealed_file import SealedFile
from compute.judge.verdict import Verdict
from compute.judge.worker import CompileError, Work, Worker
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
        outcome, got = _try(worker, config, problem, test, language, blobs)
    finally:
        worker.close()
    return {
        "letter": str(outcome.letter),
        "rule": outcome.rule,
        "cpu_seconds": round(outcome.cpu_seconds, 6),
        "wall_seconds": round(outcome.wall_seconds, 6),
        "memory_bytes": outcome.memory_bytes,
        "isolation": sandbox.isolation,
        **got,
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


def _try(
    worker: Worker, config: InspectConfig, problem: Problem, test: TestCase, language: Language, blobs: BlobStore
) -> tuple[Outcome, dict[str, object]]:
    """One run: its outcome, and what it wrote."""
    limits, bounds = limits_on(problem, config.limits)
    work = Work(config.program.encode("utf-8", "surrogatepass"), language, problem.call, limits)
    with SealedFile(blobs.get(test.input)) as given:
        try:
            (one,) = worker.run(work, [given], stop=False)
        except CompileError as error:
            return Outcome(Verdict.COMPILE_ERROR, 0.0, 0.0, 0, "compiler"), _written(b"", str(error).encode())
        except SandboxLost:
            return Outcome(Verdict.INFRASTRUCTURE, 0.0, 0.0, 0, "sandbox lost"), _written(b"", b"")
        ruling = ruling_on(one, bounds, language) or compared(
            worker, problem, test, one.output, given, blobs.get(test.output)
        )
    outcome = Outcome(ruling.letter, one.cpu_seconds, one.wall_seconds, one.memory_bytes, ruling.rule)
    return outcome, _written(one.output, _errors(one, language))


def _errors(one: Run, language: Language) -> bytes:
    return language.clean(one.error_output.decode("utf-8", "replace")).encode("utf-8", "replace")


def _written(output: bytes, errors: bytes) -> dict[str, object]:
    """The beginning of the output and the end of standard error, as text."""
    return {
        "got": output[:SHOWN_BYTES].decode("utf-8", "replace"),
        "got_bytes": len(output),
        "error_output": errors[-SHOWN_BYTES:].decode("utf-8", "replace"),
    }
