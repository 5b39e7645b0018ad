"""Judges the known programs of a problem set and reports what its tests can tell apart: the job of kind "audit".

Every program is judged several times on all tests, never from the verdict cache: what differs between repeats is one of
the findings. Programs that cannot be judged here are passed over and named. The figures are `audit`'s business.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from compute.configs import AuditConfig, Toolchain
from compute.errors import Cancelled, ComputeError, ConfigError
from compute.events import AuditReady, EventWriter, Log, ProblemAudited, Progress
from compute.judge.judge import Judge, Submission
from compute.judge.languages import language_named
from compute.problems.audit import JudgedProgram, ProblemAudit, Trial, audit_problem, audit_set
from compute.problems.limits import under
from compute.problems.problem import BlobStore, KnownProgram, Problem, read_problem_set
from compute.problems.programs import programs_beside, read_known_programs

STAGE = "Judging known programs"
PROGRESS_SECONDS = 0.5


class Readable(NamedTuple):
    """A known program with its text."""

    known: KnownProgram
    text: str


class Passed(NamedTuple):
    """A known program that is not judged, and why."""

    known: KnownProgram
    reason: str

    def __str__(self) -> str:
        return f"The program {self.known.name} of {self.known.problem} is not judged: {self.reason}"


def run(config: AuditConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Raises Cancelled between two programs, ConfigError and MissingInput for what cannot be read."""
    problems = read_problem_set(config.problems.path)
    blobs = BlobStore(config.problems.blobs)
    readable, passed = read_texts(known_programs(config, problems), blobs, config.limits.toolchain)
    for one in passed:
        emit(Log(line=str(one)))
    judged_more = _progress(emit, config.repeats * len(readable))
    own = defaultdict(list)
    for program in readable:
        own[program.known.problem].append(program)
    audits: list[ProblemAudit] = []
    with Judge(config.limits, blobs) as judge:
        for problem in problems:
            judged = judge_known(judge, problem, own[problem.slug], config.repeats, judged_more, cancelled)
            audits.append(audit_problem(under(config.limits, problem), judged, config.safety_factor))
            emit(ProblemAudited(problem_set=config.problems.reference, slug=problem.slug, audit=audits[-1].as_dict()))
        isolation = judge.isolation
    figures = audit_set(audits, isolation=isolation, safety_factor=config.safety_factor).as_dict()
    emit(AuditReady(problem_set=config.problems.reference, audit=figures))
    return {
        "problems": len(problems),
        "programs": len(readable),
        "repeats": config.repeats,
        "passed_over": [[one.known.problem, one.known.name, one.reason] for one in passed],
    }


def _progress(emit: EventWriter, total: int) -> Callable[[int], None]:
    """Counts judgings and tells now and then."""
    done, told = 0, 0.0

    def judged_more(count: int) -> None:
        nonlocal done, told
        done += count
        if time.monotonic() - told > PROGRESS_SECONDS or done == total:
            emit(Progress(stage=STAGE, done=done, total=total, unit="judgings"))
            told = time.monotonic()

    return judged_more


def known_programs(config: AuditConfig, problems: Sequence[Problem]) -> list[KnownProgram]:
    """Those of the config's file. Without one a set that has no programs is audited for its sizes alone."""
    path = config.programs or programs_beside(config.problems.path)
    if config.programs is None and not path.exists():
        return []
    programs = read_known_programs(path)
    slugs = {problem.slug for problem in problems}
    for program in programs:
        if program.problem not in slugs:
            raise ConfigError(f"{path} has a program of {program.problem!r}, which is not in the problem set.")
    return programs


def read_texts(
    programs: Sequence[KnownProgram], blobs: BlobStore, toolchain: Toolchain
) -> tuple[list[Readable], list[Passed]]:
    """The programs that can be judged here and those that cannot. Raises MissingInput when a source is not stored."""
    readable: list[Readable] = []
    passed: list[Passed] = []
    missing = {language: _missing(language, toolchain) for language in {program.language for program in programs}}
    for program in programs:
        if reason := missing[program.language]:
            passed.append(Passed(program, reason))
            continue
        try:
            readable.append(Readable(program, blobs.get(program.source).decode()))
        except UnicodeDecodeError:
            passed.append(Passed(program, "Its source is not UTF-8 text."))
    return readable, passed


def _missing(language: str, toolchain: Toolchain) -> str:
    """Why programs of a language cannot be judged here; empty when they can."""
    try:
        language_named(language).version(toolchain)
    except (ValueError, ComputeError) as error:
        return str(error)
    return ""


def judge_known(
    judge: Judge,
    problem: Problem,
    programs: Sequence[Readable],
    repeats: int,
    judged_more: Callable[[int], None] = lambda count: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[JudgedProgram]:
    """Judge every program `repeats` times on all tests, the repeats of one as far apart as they can be.

    Raises Cancelled between programs, as many as the judge has workers, and ConfigError when the judge cannot judge
    this problem."""
    trials: list[list[Trial]] = [[] for _ in programs]
    at_once = judge.limits.workers
    for start in [*range(0, len(programs), at_once)] * repeats:
        if cancelled():
            raise Cancelled("The audit was cancelled.")
        chosen = programs[start : start + at_once]
        try:
            judgements = judge.judge([Submission(text, problem, language=known.language) for known, text in chosen])
        except ValueError as error:
            raise ConfigError(f"The problem {problem.slug} cannot be judged: {error}") from None
        for place, judgement in enumerate(judgements, start):
            trials[place].append(Trial(judgement.letters, judgement.cpu_seconds))
        judged_more(len(chosen))
    return [
        JudgedProgram(one.known.name, one.known.language, one.known.declared, tuple(seen))
        for one, seen in zip(programs, trials, strict=True)
    ]
