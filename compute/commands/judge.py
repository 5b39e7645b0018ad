"""`python -m compute judge`: judge programs on a package of the field, or say what this machine offers a judge.

One JSON object a line with `--json`, a table for people without. Nothing is stored: the package's tests go to a folder
that is removed at the end, and no verdict comes from a cache. Reading packages is the business of
`compute.problems.formats`, finding limits that of `compute.problems.limits`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from compute.commands.line import (
    AGREES,
    Arguments,
    add_judging_options,
    count,
    judge_limits,
    say,
    scratch_folder,
    status_of,
    table,
)
from compute.configs import JudgeLimits
from compute.errors import ConfigError, MissingInput, SandboxError
from compute.judge.judge import Judge, Judgement, Submission
from compute.judge.languages import LANGUAGES, language_named, language_of
from compute.judge.probe import Probe, probe
from compute.judge.verdict import suite_verdict
from compute.problems.audit import in_words
from compute.problems.auditing import read_texts
from compute.problems.coverage import level_sizes_of
from compute.problems.formats import Draft
from compute.problems.packages import limited, open_problem
from compute.problems.problem import BlobStore, Problem

HELP = """\
Every program is judged on all tests of the package in size order, within CPU time limits. With --json each program is
one line: submission, language, verdict (AC, WA, RE, TLE, MLE, OLE, CE or JE: that of the first failing test), letters
(one a test: A accepted, W wrong answer, R run-time error, T time, M memory, O output limit, C compile error, I the
judge's own trouble), tests, levels_passed, levels_total, max_cpu_seconds, max_memory_bytes, isolation,
time_limit_seconds, time_limit_source, memory_limit_bytes, cpu_seconds, memory_bytes and rules (a value a test), message
(the compiler's). With --all each line also has declared and agrees, and a sentence on standard error counts the
agreement.

Exit status: 0 everything was judged, whatever the verdicts; 2 the request is wrong; 3 a file is missing; 7 there is no
isolation or no compiler here.
"""
SHOWN_LETTERS = 72
SHOWN_MESSAGE_LINES = 12


class Entry(NamedTuple):
    """A program to judge. `declared` is None for one that did not come with the package."""

    name: str
    language: str
    text: str
    declared: tuple[str, ...] | None = None


class Result(NamedTuple):
    entry: Entry
    judgement: Judgement

    @property
    def verdict(self) -> str:
        return suite_verdict(self.judgement.letters)

    @property
    def agrees(self) -> bool | None:
        """None when nothing is declared or nothing was decided."""
        if not self.entry.declared or "I" in self.judgement.letters:
            return None
        return self.verdict in self.entry.declared


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    return status_of(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> Arguments:
    parser = Arguments("judge", "Judge programs on a problem package.", HELP)
    add = parser.add_argument
    add("package", nargs="?", type=Path, metavar="PACKAGE", help="a problem package: a folder or a file")
    add("--submission", action="append", default=[], type=Path, metavar="FILE", help="a program; may be repeated")
    add("--all", action="store_true", help="judge the package's own submissions as well")
    add("--language", choices=LANGUAGES, help="of the submissions; otherwise their names tell")
    add("--level", type=count, metavar="G", help="only the tests of the first G coverage levels")
    add_judging_options(parser)
    add("--json", action="store_true", help="one JSON object a line")
    add("--probe", action="store_true", help="judge nothing, say what this machine offers")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.probe:
        if options.package or options.submission or options.all:
            raise ConfigError("--probe looks at this machine alone: it takes no package and no submission.")
        return _show_probe(probe(), as_json=options.json)
    if not options.package:
        raise ConfigError("Name a package to judge programs on, or ask for --probe; see --help.")
    if not options.submission and not options.all:
        raise ConfigError("Name a program with --submission FILE, or judge the package's own with --all.")
    with scratch_folder() as folder:
        return _judge(options, BlobStore(folder))


# Judging --------------------------------------------------------------------------------------------------------------


def _judge(options: argparse.Namespace, blobs: BlobStore) -> int:
    entries = [_submitted(path, options.language) for path in options.submission]
    draft = open_problem(options.package, blobs)
    limits = judge_limits(options)
    tests = _tests_of(draft.problem, options.level)
    for note in draft.notes:
        say(note)
    if options.all:
        entries += _own(draft, blobs, limits)
    with Judge(limits, blobs) as judge:
        problem = limited(draft, judge, blobs)
        results = _results(judge, problem, entries, tests)
        (_print_lines if options.json else _print_table)(problem, results, compare=options.all)
        return 0


def _submitted(path: Path, language: str | None) -> Entry:
    found = language_named(language) if language else language_of(path)
    if found is None:
        suffixes = ", ".join(suffix for known in LANGUAGES.values() for suffix in known.suffixes)
        raise ConfigError(f"The language of {path} is not known by its name ({suffixes}); say which with --language.")
    try:
        return Entry(str(path), found.name, path.read_bytes().decode())
    except UnicodeDecodeError:
        raise ConfigError(f"The program {path} is not UTF-8 text.") from None
    except OSError as error:
        raise MissingInput(f"The program {path} cannot be read: {error.strerror}.") from None


def _own(draft: Draft, blobs: BlobStore, limits: JudgeLimits) -> list[Entry]:
    if not draft.programs:
        raise MissingInput(f"The package {draft.problem.slug} has no submissions that could be judged.")
    readable, passed = read_texts(draft.programs, blobs, limits.toolchain)
    for one in passed:
        say(str(one))
    return [Entry(known.name, known.language, text, known.declared) for known, text in readable]


def _tests_of(problem: Problem, level: int | None) -> int:
    """The number of tests to judge."""
    if level is not None and level > problem.levels:
        raise ConfigError(
            f"The problem {problem.slug} has {problem.levels} coverage levels, there is no level {level}."
        )
    return level_sizes_of(problem)[(level or problem.levels) - 1]


def _results(judge: Judge, problem: Problem, entries: Sequence[Entry], tests: int) -> Iterator[Result]:
    """In the order of `entries`, some at a time so that results come while others run."""
    at_once = 4 * judge.limits.workers
    for start in range(0, len(entries), at_once):
        chosen = entries[start : start + at_once]
        try:
            judgements = judge.judge([Submission(one.text, problem, tests, one.language) for one in chosen])
        except ValueError as error:
            raise ConfigError(f"The problem {problem.slug} cannot be judged: {error}") from None
        yield from map(Result, chosen, judgements)


def _levels_passed(problem: Problem, letters: str) -> int:
    """How many levels have nothing but accepted tests; they nest."""
    accepted = len(letters) - len(letters.lstrip("A"))
    return sum(size <= accepted for size in level_sizes_of(problem))


# Showing --------------------------------------------------------------------------------------------------------------


def _line(problem: Problem, result: Result) -> dict[str, Any]:
    entry, judgement = result
    return {
        "submission": entry.name,
        "language": entry.language,
        "verdict": result.verdict,
        "letters": judgement.letters,
        "tests": [test.identifier for test in problem.tests[: len(judgement.letters)]],
        "levels_passed": _levels_passed(problem, judgement.letters),
        "levels_total": problem.levels,
        "max_cpu_seconds": round(max(judgement.cpu_seconds), 6),
        "max_memory_bytes": max(judgement.memory_bytes),
        "isolation": judgement.isolation,
        "time_limit_seconds": problem.cpu_seconds,
        "time_limit_source": problem.limit_source,
        "memory_limit_bytes": problem.memory_bytes,
        "cpu_seconds": [round(value, 6) for value in judgement.cpu_seconds],
        "memory_bytes": list(judgement.memory_bytes),
        "rules": list(judgement.rules),
        "message": judgement.message,
    }


def _print_lines(problem: Problem, results: Iterator[Result], *, compare: bool) -> None:
    seen = []
    for result in results:
        line = _line(problem, result)
        if compare:
            line |= {"declared": list(result.entry.declared or ()), "agrees": result.agrees}
        print(json.dumps(line, allow_nan=False), flush=True)
        seen.append(result)
    if compare:
        print(_agreement(seen), file=sys.stderr)


def _agreement(results: Sequence[Result]) -> str:
    agreements = [result.agrees for result in results if result.agrees is not None]
    return f"Declared verdicts met: {sum(agreements)} of {len(agreements)}."


def _print_table(problem: Problem, results: Iterator[Result], *, compare: bool) -> None:
    seen = list(results)
    print(f"{problem.title}: {len(problem.tests)} tests in {problem.levels} coverage levels")
    print(f"Limits: {problem.cpu_seconds:g} s CPU ({problem.limit_source}), {problem.memory_bytes / (1 << 20):g} MiB")
    if seen:
        print(f"Isolation: {seen[0].judgement.isolation}")
    header = ["Submission", "Language", "Verdict", " Levels", " CPU s", " MiB", "Letters by level"]
    header += ["Declared", "Agrees"] if compare else []
    print("", *table(header, [_row(problem, result, compare=compare) for result in seen]), sep="\n")
    for result in seen:
        for line in result.judgement.message.splitlines()[:SHOWN_MESSAGE_LINES]:
            print(f"{result.entry.name}: {line}")
    if compare:
        print(f"\n{_agreement(seen)}")


def _row(problem: Problem, result: Result, *, compare: bool) -> list[str]:
    entry, judgement = result
    row = [
        entry.name,
        entry.language,
        result.verdict,
        f"{_levels_passed(problem, judgement.letters)}/{problem.levels}",
        f"{max(judgement.cpu_seconds):.3f}",
        f"{max(judgement.memory_bytes) / (1 << 20):.1f}",
        by_level(problem, judgement.letters),
    ]
    if compare:
        row += [in_words(entry.declared or ()), AGREES[result.agrees]]
    return row


def by_level(problem: Problem, letters: str) -> str:
    """Letters with a space between levels, cut where they are too many for a line."""
    ends = level_sizes_of(problem)
    parts = " ".join(letters[start:end] for start, end in zip([0, *ends], ends, strict=False)).rstrip()
    return parts if len(parts) <= SHOWN_LETTERS else parts[: SHOWN_LETTERS - 1] + "…"


def _show_probe(found: Probe, *, as_json: bool) -> int:
    """0 when programs can be judged here, otherwise the status of a judge that cannot start."""
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        rows = [[layer.name, layer.isolation or f"no: {layer.reason}"] for layer in found.layers]
        print(*table(["Layer", "Isolation"], rows), sep="\n")
        print(f"\nUsed: {found.used or 'none, programs are judged with --unsafe only'}")
        print(f"Landlock: {f'ABI {found.landlock_abi}' if found.landlock_abi else 'no'}")
        print(f"seccomp: {'yes' if found.seccomp else 'no'}")
        print(f"cgroup v2: {found.cgroup or f'no: {found.cgroup_reason}'}")
        for compiler in found.languages:
            print(f"{compiler.language}: {compiler.version or f'no: {compiler.reason}'}")
        print(f"Cores: {found.cores}, load {found.load:g}")
    return 0 if found.used else SandboxError.exit_status
