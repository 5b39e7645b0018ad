"""Reads problems in a format of the field and writes them as a problem set: the job of kind "import".

All or nothing: tests and programs wait in a staging folder, and nothing appears in the blobs, in the set's folder or in
the events before every problem is read, compared and has its limits. A refused problem costs no other one.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from compute.configs import REFERENCE_LENGTH, ImportConfig
from compute.errors import Cancelled, ConfigError
from compute.events import EventWriter, ProblemSetReady, Progress
from compute.judge.judge import Judge
from compute.problems.announcement import problem_added
from compute.problems.formats import MOST_TESTS, Draft, Recipe, Refusal, as_text, attempt
from compute.problems.formats.generated_tests import finished
from compute.problems.formats.registry import format_of
from compute.problems.limits import computed_limit, is_computed
from compute.problems.problem import BlobStore, KnownProgram, Problem, read_problem_set, write_problem_set
from compute.problems.programs import programs_beside, write_known_programs
from compute.problems.staging import make_folders, move_in, staged_blobs, take_back

MOST_LISTED = 200
PROGRESS_SECONDS = 0.5
GIVEN = "given for problems that state none"


class Accepted(NamedTuple):
    """A new problem with the programs that came with it."""

    problem: Problem
    programs: tuple[KnownProgram, ...]


def run(config: ImportConfig, emit: EventWriter, cancelled: Callable[[], bool]) -> dict[str, object]:
    """Import `config.path`. Returns the counts of new, duplicate and refused problems, with reasons and notes.

    Raises MissingInput when the path or a known set is not there, ConfigError when the format is not known, when
    nothing new is left (unless it is a dry run) or when another set has the reference, Cancelled, SandboxError, and
    OSError when the disk refuses. Whatever it raises, nothing of the import stays.
    """
    form = format_of(config.path, config.format)
    with ExitStack() as stack:
        store = BlobStore(config.blobs)
        staged = stack.enter_context(staged_blobs(store, elsewhere=config.dry_run))
        importer = _Importer(config, staged, stack)
        items = finished(_unbroken(config.path.name, form.read(config.path, staged)), config.limits)
        for number, item in enumerate(_told(items, emit), start=1):
            if cancelled():
                raise Cancelled("The import was cancelled.")
            importer.take(item, number)
        if not config.dry_run:
            importer.refuse_nothing_new()
            if cancelled():
                raise Cancelled("The import was cancelled.")
            _write(config, importer.accepted, staged, store, emit)
        return importer.summary(form.name)


def _unbroken(name: str, items: Iterator[Draft | Recipe | Refusal]) -> Iterator[Draft | Recipe | Refusal]:
    """The same items. Where reading breaks down between two of them, a refusal of the rest and the end."""
    while (item := attempt(name, lambda: next(items, None))) is not None:
        yield item


def _told(items: Iterator[Draft | Refusal], emit: EventWriter) -> Iterator[Draft | Refusal]:
    """The same items; tells now and then how many there were so far, since nobody knows how many will come."""
    told = 0.0
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - told > PROGRESS_SECONDS:
            emit(Progress(stage="Reading problems", done=number, total=number, unit="problems"))
            told = time.monotonic()


class _Importer:
    """Sorts drafts into new, duplicate and refused ones."""

    def __init__(self, config: ImportConfig, staged: BlobStore, stack: ExitStack) -> None:
        self.accepted: list[Accepted] = []
        self._config, self._staged, self._stack = config, staged, stack
        self._known = {_identity_of_written(problem) for path in config.known for problem in read_problem_set(path)}
        self._slugs: set[str] = set()
        self._duplicates = self._refused = 0
        self._refusals: list[Refusal] = []
        self._notes: list[str] = []
        self._judge: Judge | None = None

    def take(self, item: Draft | Refusal, number: int) -> None:
        if isinstance(item, Refusal):
            self._refuse(item.name, item.reason)
            return
        name = item.problem.slug
        try:
            problem = self._with_limits(item)
            if problem is None:
                self._duplicates += 1
                return
            if len(problem.tests) > MOST_TESTS:
                raise ValueError(f"It has {len(problem.tests)} tests, more than {MOST_TESTS}.")
            problem = problem.model_copy(update={"slug": self._slug(name, number)})
            programs = tuple(program.model_copy(update={"problem": problem.slug}) for program in item.programs)
            for one in (problem, *programs):
                one.model_dump_json()
        except (ConfigError, ValueError) as error:  # ValueError: text that is no Unicode, a checker that is not known
            self._refuse(name, str(error))
            return
        self._slugs.add(problem.slug)
        self.accepted.append(Accepted(problem, programs))
        self._notes += [as_text(f"{problem.slug}: {note}") for note in item.notes]

    def _refuse(self, name: str, reason: str) -> None:
        """All are counted; as many are kept as are ever listed."""
        self._refused += 1
        if len(self._refusals) < MOST_LISTED:
            self._refusals.append(Refusal(as_text(name), as_text(reason)))

    def _with_limits(self, draft: Draft) -> Problem | None:
        """The problem with all its limits; None for a duplicate, which is found before anything is run."""
        problem = draft.problem
        if not draft.states_memory and self._config.memory_bytes is not None:
            problem = problem.model_copy(update={"memory_bytes": self._config.memory_bytes})
        open_time = draft.limit_rule is not None or not draft.states_time
        if open_time and self._config.cpu_seconds is not None:
            problem = problem.model_copy(update={"cpu_seconds": self._config.cpu_seconds, "limit_source": GIVEN})
        computed = draft.limit_rule is not None and self._config.cpu_seconds is None
        if (identity := _identity(problem, computed)) in self._known:
            return None
        if computed:
            problem = computed_limit(draft._replace(problem=problem), self._open_judge(), self._staged)
        self._known.add(identity)
        return problem

    def _open_judge(self) -> Judge:
        if self._judge is None:
            limits = self._config.limits.model_copy(update={"cpu_seconds": None, "memory_bytes": None})
            judge = Judge(limits, self._staged, cache=None if self._config.dry_run else self._config.judge_cache)
            self._judge = self._stack.enter_context(judge)
        return self._judge

    def _slug(self, wanted: str, number: int) -> str:
        """A reference that no other problem of this set has, as close to `wanted` as can be."""
        stem = re.sub(r"[^A-Za-z0-9._:-]+", "-", wanted).strip("-") or f"problem-{number}"
        slug, count = stem[:REFERENCE_LENGTH], 2
        while slug in self._slugs:
            slug, count = f"{stem[: REFERENCE_LENGTH - len(str(count)) - 1]}-{count}", count + 1
        return slug

    def refuse_nothing_new(self) -> None:
        """Raises ConfigError when there is no problem to write."""
        if self.accepted:
            return
        if self._refusals:
            first, more = self._refusals[0], self._refused - 1
            others = f" ({more} more were refused.)" if more else ""
            raise ConfigError(f"{first.name} was refused: {first.reason}{others}")
        if self._duplicates:
            raise ConfigError(f"Nothing new was found: all {self._duplicates} problems are known already.")
        raise ConfigError(f"{self._config.path} holds no problem.")

    def summary(self, form: str) -> dict[str, object]:
        return {
            "new": len(self.accepted),
            "duplicates": self._duplicates,
            "refused": self._refused,
            "refusals": [[refusal.name, refusal.reason] for refusal in self._refusals],
            "notes": self._notes[:MOST_LISTED],
            "format": form,
            "dry_run": self._config.dry_run,
        }


def _identity(problem: Problem, computed: bool) -> str:
    """What makes two problems the same. A computed limit, which may differ from run to run, does not count."""
    if not computed:
        return problem.content_sha256
    return f"any limit {problem.model_copy(update={'cpu_seconds': 1.0}).content_sha256}"


def _identity_of_written(problem: Problem) -> str:
    return _identity(problem, is_computed(problem))


def _write(
    config: ImportConfig, accepted: list[Accepted], staged: BlobStore, store: BlobStore, emit: EventWriter
) -> None:
    """Move the blobs in, write both files, then announce. What was added is taken back when anything is refused."""
    path = config.folder / f"{config.reference}.jsonl"
    problems = [one.problem for one in accepted]
    _refuse_other_set(path, problems)
    events = [problem_added(config.reference, place, problem, staged) for place, problem in enumerate(problems)]
    added = move_in(staged, store, dict.fromkeys(sha256 for one in accepted for sha256 in _blobs(one)))
    try:
        added += make_folders(config.folder)
        added += [file for file in (programs_beside(path), path) if not file.exists()]
        write_known_programs(programs_beside(path), (program for one in accepted for program in one.programs))
        sha256 = write_problem_set(path, problems)
    except BaseException:
        take_back(added)
        raise
    for place, event in enumerate(events, start=1):
        emit(event)
        if place % 100 == 0 or place == len(events):
            emit(Progress(stage="Writing problems", done=place, total=len(events), unit="problems"))
    emit(
        ProblemSetReady(
            problem_set=config.reference,
            path=str(path),
            blobs=str(config.blobs),
            problems=len(problems),
            sha256=sha256,
        )
    )


def _refuse_other_set(path: Path, problems: list[Problem]) -> None:
    """A second attempt at the same import may write the same set again; no import may replace another set."""
    if path.exists() and [(one.slug, _identity_of_written(one)) for one in read_problem_set(path)] != [
        (one.slug, _identity_of_written(one)) for one in problems
    ]:
        raise ConfigError(f"Another problem set lies at {path}: choose another reference.")


def _blobs(one: Accepted) -> Iterator[str]:
    for test in one.problem.tests:
        yield from (test.input, test.output)
    if one.problem.validator:
        yield from (file.sha256 for file in one.problem.validator.files)
    yield from (program.source for program in one.programs)
