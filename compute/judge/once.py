"""One program on one test, once, with what it wrote: for somebody who looks on, a person or a policy that may revise.

The letter is of this very run: a run near a limit can end otherwise than an evaluation's, which repeats such runs.
Nothing is cached. Whether a test may be shown at all is the caller's to know.
"""

from typing import NamedTuple

from compute.configs import JudgeLimits
from compute.judge.judge import compared, limits_on
from compute.judge.languages.language import Language
from compute.judge.outcome import Outcome
from compute.judge.ruling import ruling_on
from compute.judge.sandbox import SandboxLost
from compute.judge.sealed_file import SealedFile
from compute.judge.verdict import Verdict
from compute.judge.worker import CompileError, Work, Worker
from compute.problems.problem import BlobStore, Problem, TestCase


class Once(NamedTuple):
    """`output`: standard output. `errors`: the end of standard error, or the compiler's message, without paths."""

    outcome: Outcome
    output: bytes = b""
    errors: str = ""


def run_once(
    worker: Worker,
    blobs: BlobStore,
    problem: Problem,
    test: TestCase,
    program: str,
    language: Language,
    limits: JudgeLimits,
) -> Once:
    """Run `program` on `test` under the problem's limits. A lost sandbox is an outcome, letter I.

    Raises MissingInput for bytes that are not stored, and SandboxError.
    """
    run_limits, bounds = limits_on(problem, limits)
    work = Work(program.encode("utf-8", "surrogatepass"), language, problem.call, run_limits)
    with SealedFile(blobs.get(test.input)) as given:
        try:
            (one,) = worker.run(work, [given], stop=False)
        except CompileError as error:
            return Once(Outcome(Verdict.COMPILE_ERROR, 0.0, 0.0, 0, "compiler"), errors=str(error))
        except SandboxLost:
            return Once(Outcome(Verdict.INFRASTRUCTURE, 0.0, 0.0, 0, "sandbox lost"))
        ruling = ruling_on(one, bounds, language) or compared(
            worker, problem, test, one.output, given, blobs.get(test.output)
        )
    outcome = Outcome(ruling.letter, one.cpu_seconds, one.wall_seconds, one.memory_bytes, ruling.rule)
    return Once(outcome, one.output, language.clean(one.error_output.decode("utf-8", "replace")))
