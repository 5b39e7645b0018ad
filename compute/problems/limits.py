"""The limits that count: a judge's own, a package's, or a computed one where a package leaves the time open.

Computed as contests do: the slowest accepted program's CPU time times a factor. Runs a draft's accepted programs; what
else a suite can tell apart is the audit's question.
"""

import math

from compute.configs import JudgeLimits
from compute.errors import ConfigError, SandboxError
from compute.judge.judge import Judge, Judgement, Submission
from compute.judge.languages import LANGUAGES
from compute.judge.languages.language import LanguageMissing
from compute.judge.verdict import Verdict, suite_verdict
from compute.problems.formats import Draft, LimitRule
from compute.problems.problem import BlobStore, KnownProgram, Problem

# 0.2 s x 5 / 1 s may be 1.0000000000000002: a limit is not a step higher for that.
_SLACK = 1e-9
_SOURCE = "slowest accepted ("


def under(limits: JudgeLimits, problem: Problem) -> Problem:
    """The problem with the limits that it is judged under."""
    changed = {"cpu_seconds": limits.cpu_seconds, "memory_bytes": limits.memory_bytes}
    return problem.model_copy(update={name: value for name, value in changed.items() if value is not None})


def computed_limit(draft: Draft, judge: Judge, blobs: BlobStore) -> Problem:
    """The problem of `draft`, with the limit that its rule gives if it states none.

    `judge` must take limits from the problem (`JudgeLimits.cpu_seconds` None) and read tests from `blobs`, where the
    programs lie too. Raises ConfigError, in one sentence, when there is no accepted program that can be run or when one
    is not accepted; MissingInput and SandboxError as judging does, SandboxError also where it could not tell.
    """
    if draft.limit_rule is None:
        return draft.problem
    problem = draft.problem
    accepted = [program for program in draft.programs if program.declared == ("AC",)]
    runnable = [program for program in accepted if _can_run(program.language, judge)]
    if not runnable:
        raise ConfigError(_nothing_to_run(accepted))
    judgements = judge.judge([_submission(problem, program, blobs) for program in runnable])
    for program, judgement in zip(runnable, judgements, strict=True):
        _check_accepted(program, judgement, problem)
    slowest, judgement = max(
        zip(runnable, judgements, strict=True), key=lambda pair: (max(pair[1].cpu_seconds), pair[0].name)
    )
    seconds = max(judgement.cpu_seconds)
    limit = limit_by(draft.limit_rule, seconds)
    source = f"{_SOURCE}{slowest.name}) {seconds:.2f} s x {draft.limit_rule.multiplier:g}"
    return problem.model_copy(
        update={"cpu_seconds": limit, "limit_source": f"{source}, rounded up to {limit:g} s"},
    )


def is_computed(problem: Problem) -> bool:
    """Whether the problem's time limit came from `computed_limit`, and so may differ from machine to machine."""
    return problem.limit_source.startswith(_SOURCE)


def limit_by(rule: LimitRule, seconds: float) -> float:
    """The least positive multiple of the rule's resolution that is at least `seconds` x its multiplier."""
    steps = math.ceil(seconds * rule.multiplier / rule.resolution - _SLACK)
    return round(max(1, steps) * rule.resolution, 9)


def _can_run(language: str, judge: Judge) -> bool:
    try:
        return language in LANGUAGES and bool(LANGUAGES[language].version(judge.limits.toolchain))
    except LanguageMissing:
        return False


def _submission(problem: Problem, program: KnownProgram, blobs: BlobStore) -> Submission:
    text = blobs.get(program.source)
    try:
        return Submission(text.decode(), problem, language=program.language)
    except UnicodeDecodeError:
        raise ConfigError(f"The accepted program {program.name} is not UTF-8, so no time limit is computed.") from None


def _nothing_to_run(accepted: list[KnownProgram]) -> str:
    if not accepted:
        return "No time limit is stated, and there is no accepted program to compute one from."
    languages = ", ".join(sorted({program.language for program in accepted}))
    return f"No time limit is stated, and its accepted programs are in {languages}, which cannot be run here."


def _check_accepted(program: KnownProgram, judgement: Judgement, problem: Problem) -> None:
    """Raises ConfigError for a program that is not accepted, SandboxError where the judge could not tell."""
    place = next((place for place, letter in enumerate(judgement.letters) if letter != Verdict.ACCEPTED), None)
    if place is None:
        return
    test, verdict = problem.tests[place].identifier, suite_verdict(judgement.letters)
    rule = judgement.rules[place] if judgement.rules else ""
    if judgement.letters[place] == Verdict.INFRASTRUCTURE and not rule.startswith("validator"):
        raise SandboxError(
            f"The accepted program {program.name} could not be judged on the test {test} of {problem.slug}."
        )
    fault = f"{verdict} ({rule})" if rule.startswith("validator") else verdict
    raise ConfigError(
        f"No time limit is stated, and none can be computed, because {program.name} is declared accepted "
        f"but gets {fault} on the test {test}."
    )
