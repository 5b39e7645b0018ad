"""`python -m compute audit PACKAGE`: what the submissions of a package show of its tests.

A table for people, one JSON object with `--json`. The same figures as the job of kind "audit", for one package and
without storing anything.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from compute.commands.line import (
    AGREES,
    Arguments,
    add_judging_options,
    count,
    factor,
    judge_limits,
    say,
    scratch_folder,
    status_of,
    table,
)
from compute.configs import AuditConfig
from compute.judge.judge import Judge
from compute.problems.audit import MARKS, ProblemAudit, audit_problem, in_words
from compute.problems.auditing import judge_known, read_texts
from compute.problems.coverage import level_sizes_of
from compute.problems.packages import limited, open_problem
from compute.problems.problem import BlobStore, Problem

HELP = """\
Every submission of the package is judged on all tests, several times. Shown are, for each coverage level, its tests,
its largest input and the share of the slow but correct programs that it stops; for each program the declared and the
judged verdict and the tests whose verdict differed between repeats; the reference's time against the limit; a suggested
limit, which is the slowest accepted program's time x the factor, rounded up to 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10
times a power of ten; and what the audit concludes. With --json all of it is one object.

Exit status: 0 audited, whatever was found; 2 the request is wrong; 3 a file is missing; 7 no isolation or
no compiler here.
"""
REPEATS = AuditConfig.model_fields["repeats"].default
FACTOR = AuditConfig.model_fields["safety_factor"].default


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> Arguments:
    parser = Arguments("audit", "Audit the tests of a problem package with its own submissions.", HELP)
    add = parser.add_argument
    add("package", type=Path, metavar="PACKAGE", help="a problem package: a folder or a file")
    add("--repeats", type=count, default=REPEATS, metavar="N", help=f"judge every program N times ({REPEATS})")
    add("--factor", type=factor, default=FACTOR, metavar="F", help=f"of the suggested limit ({FACTOR:g})")
    add_judging_options(parser)
    add("--json", action="store_true", help="one JSON object")
    return parser


def _run(options: argparse.Namespace) -> int:
    limits = judge_limits(options)
    with scratch_folder() as folder:
        blobs = BlobStore(folder)
        draft = open_problem(options.package, blobs)
        programs, passed = read_texts(draft.programs, blobs, limits.toolchain)
        for sentence in (*draft.notes, *map(str, passed)):
            say(sentence)
        with Judge(limits, blobs) as judge:
            problem = limited(draft, judge, blobs)
            judged = judge_known(judge, problem, programs, options.repeats)
            isolation = judge.isolation
    figures = audit_problem(problem, judged, options.factor)
    if options.json:
        about = {"repeats": options.repeats, "safety_factor": options.factor, "isolation": isolation}
        named = {"level_names": list(problem.level_names), "time_limit_source": problem.limit_source}
        print(json.dumps(figures.as_dict() | about | named, allow_nan=False))
        return 0
    print(*_report(problem, figures, options.factor), sep="\n")
    print(f"\nEach program was judged {times(options.repeats)}; isolation {isolation}.")
    return 0


def _report(problem: Problem, figures: ProblemAudit, safety_factor: float) -> Iterator[str]:
    yield f"{problem.title}: {figures.tests} tests in {figures.levels} coverage levels"
    yield f"Time limit: {problem.cpu_seconds:g} s CPU ({problem.limit_source})"
    yield ""
    yield from _levels(problem, figures)
    yield ""
    yield from _programs(figures)
    yield ""
    yield from _limit(figures, safety_factor)
    yield f"Sizes: the largest input is {figures.size_ratio:g} times the smallest"
    yield f"Verdicts that differ between repeats: {figures.unstable} (program, test) pairs"
    if figures.infrastructure:
        yield f"Runs without a verdict, for trouble of the judge's own: {figures.infrastructure}"
    yield ""
    yield from (f"! {MARKS[mark]}" for mark in figures.marks)
    if not figures.marks:
        yield "No marks: these tests tell slow programs from fast ones, and coverage can matter."


def _levels(problem: Problem, figures: ProblemAudit) -> list[str]:
    names = problem.level_names or [""] * figures.levels
    rows = []
    for level, size in enumerate(level_sizes_of(problem)):
        caught = figures.slow_caught[level]
        share = f"{caught} of {figures.slow_programs}" if figures.slow_programs else "—"
        rows.append([str(level + 1), names[level], str(size), f"{figures.level_largest_bytes[level]:,}", share])
    return table([" Level", "Name", " Tests", " Largest input, bytes", " Slow programs stopped"], rows)


def _programs(figures: ProblemAudit) -> list[str]:
    if not figures.programs:
        return ["The package has no submissions that could be judged."]
    rows = [
        [
            program.name,
            program.language,
            in_words(program.declared),
            program.judged,
            AGREES[program.agrees],
            f"{program.max_cpu_seconds:.3f}",
            ", ".join(program.unstable) or "—",
        ]
        for program in figures.programs
    ]
    return table(["Program", "Language", "Declared", "Judged", "Agrees", " CPU s", "Unstable tests"], rows)


def _limit(figures: ProblemAudit, safety_factor: float) -> Iterator[str]:
    if figures.reference_seconds is None or figures.reference_share is None:
        yield "Reference: none, no accepted program is known"
        return
    yield f"Reference: {figures.reference_seconds:.3f} s, {figures.reference_share:.1%} of the limit"
    yield f"Suggested limit: {figures.suggested_cpu_seconds:g} s (slowest accepted x {safety_factor:g}, rounded up)"


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
