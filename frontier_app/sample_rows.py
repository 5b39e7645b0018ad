"""Judged samples to rows: one COPY for the samples, one for their rollups, both in the caller's transaction.

The caller holds the evaluation's row locked, so that what exists already cannot change in between. The rollup counts
every coverage level and both precedence rules; a sample that is there already is neither stored nor counted again.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from compute.events import SampleRecord
from compute.judge import tally as codes
from compute.judge.tally import LETTER_OF_CODE, Tally, largest_so_far, tally
from compute.problems.coverage import level_sizes
from compute.rollout.transcript import Transcript as TranscriptRecord
from frontier_app.copying import HEADER, TRAILER, Column, binary_rows, copy_statement
from frontier_app.evaluation_rates import refresh_rates
from frontier_app.models import Evaluation, Problem, Program, Rollup, Sample, Transcript

SAMPLE_COLUMNS = (
    "evaluation_id", "problem_id", "index", "letters", "failure_class", "first_failure", "cpu_seconds",
    "memory_bytes", "tokens", "truncated", "log_likelihood", "program_id", "test_milliseconds", "transcript_id",
)  # fmt: skip
COUNTS = (
    "n", "solved", "optimisation", "correctness", "no_answer", "first_optimisation", "first_correctness",
    "infrastructure", "cpu_seconds_sum", "tokens_sum", "memory_bytes_sum",
)  # fmt: skip
ROLLUP_COLUMNS = ("evaluation_id", "problem_id", "level", *COUNTS)
COUNT_TYPES = {"cpu_seconds_sum": "double precision", "tokens_sum": "bigint", "memory_bytes_sum": "bigint"}


Row = dict[str, Any]
"""The fields of a `compute.events.SampleRecord`."""


class Told(NamedTuple):
    """A transcript as it was sent, and as it was read."""

    text: str
    read: TranscriptRecord


class Suite(NamedTuple):
    """What must be known of a problem to place its samples. sizes: number of tests in the first 1, 2, ... levels."""

    problem: int
    sizes: tuple[int, ...]


class Added(NamedTuple):
    stored: int
    refused: list[str]


@dataclass(frozen=True)
class Columns:
    """Samples a column at a time, in any order. kind: (samples,) codes of rows that have the same width; test_seconds:
    (samples, most tests), where a shorter suite has its maximum repeated; everything else (samples,)."""

    problem: NDArray[np.int64]
    index: NDArray[np.int64]
    kind: NDArray[np.int64]
    letters: NDArray[np.bytes_]
    cpu_seconds: NDArray[np.float64]
    memory_bytes: NDArray[np.int64]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]
    log_likelihood: NDArray[np.float64]
    program: NDArray[np.bytes_]
    transcript: NDArray[np.bytes_]
    test_seconds: NDArray[np.float64]

    def only(self, rows: NDArray) -> "Columns":
        return Columns(**{name: column[rows] for name, column in vars(self).items()})


class Alike(NamedTuple):
    """What makes rows equally wide: the same tests, the same columns null."""

    sizes: tuple[int, ...]
    has_program: bool
    has_likelihood: bool
    has_transcript: bool


class RollupRows(NamedTuple):
    """Counts of some problems at every level. problems: (rows,), levels: (rows,), counts: COUNTS -> (rows,)."""

    problems: NDArray
    levels: NDArray
    counts: dict[str, NDArray]


def add_programs(programs: dict[str, str]) -> None:
    """Store the texts that are not there yet. PostgreSQL cannot hold NUL in text; it is shown as U+2400."""
    if not programs:
        return
    texts = [text.replace("\x00", "␀") for text in programs.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Program._meta.db_table} (sha256, text) "
            "SELECT * FROM unnest(%s::text[], %s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING",
            [list(programs), texts],
        )


def add_transcripts(transcripts: dict[str, Told]) -> None:
    """Store what is not there yet."""
    rows = [
        Transcript(sha256=sha256, text=text, ended=read.ended, turns=read.turns, calls=read.calls)
        for sha256, (text, read) in sorted(transcripts.items())
    ]
    Transcript.objects.bulk_create(rows, ignore_conflicts=True)


def suites_of(problem_set: int, slugs: Collection[str]) -> dict[str, Suite]:
    """Slug -> suite. Only the tests' groups are read, not their sizes and texts."""
    sizes = lru_cache(lambda groups: tuple(level_sizes(groups)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT slug, id, translate(jsonb_path_query_array(tests, '$[*].group')::text, '[]', '{{}}')::integer[] "
            f"FROM {Problem._meta.db_table} WHERE problem_set_id = %s AND slug = ANY(%s)",
            [problem_set, list(slugs)],
        )
        return {slug: Suite(pk, sizes(tuple(groups))) for slug, pk, groups in cursor.fetchall() if groups}


def add_samples(evaluation: Evaluation, records: Sequence[SampleRecord]) -> Added:
    """COPY the samples that are new and add them to the rollups. What does not fit its problem is refused."""
    values = [vars(record) for record in records]  # an attribute of a pydantic model costs three look-ups
    suites = suites_of(evaluation.problem_set_id, {row["problem"] for row in values})
    values, refused = _sort_out(suites, values)
    if not values:
        return Added(0, refused)
    columns, kinds = _columns(suites, values)
    columns, touched = _new_ones(evaluation, columns)
    samples: list[bytes] = []
    rollups: list[RollupRows] = []
    for code, alike in enumerate(kinds):
        rows = np.flatnonzero(columns.kind == code)
        if rows.size:
            members = columns.only(rows)
            verdicts = tally(members.letters.astype(f"S{alike.sizes[-1]}"), alike.sizes)
            seconds = members.test_seconds[:, : alike.sizes[-1]]
            samples.append(_sample_rows(evaluation.pk, alike, members, verdicts, seconds))
            rollups.append(_rollup_rows(alike, members, verdicts, seconds))
    if samples:
        _copy(Sample._meta.db_table, SAMPLE_COLUMNS, samples)
        _write_rollups(evaluation.pk, rollups, touched)
        refresh_rates([evaluation.pk])
    return Added(len(columns.kind), refused)


def _sort_out(suites: dict[str, Suite], values: list[Row]) -> tuple[list[Row], list[str]]:
    """The samples that fit their problem, and a sentence for each problem of the others."""
    tests = {slug: suite.sizes[-1] for slug, suite in suites.items()}
    wrong = {row["problem"]: len(row["letters"]) for row in values if tests.get(row["problem"]) != len(row["letters"])}
    if not wrong:
        return values, []
    fitting = [row for row in values if tests.get(row["problem"]) == len(row["letters"])]
    return fitting, [
        f"Refused samples: {slug!r} has {tests[slug]} tests, not {sent}."
        if slug in tests
        else f"Refused samples: the problem set has no problem {slug!r} with tests."
        for slug, sent in wrong.items()
    ]


def _columns(suites: dict[str, Suite], values: list[Row]) -> tuple[Columns, list[Alike]]:
    """The samples transposed, and what the codes in `kind` stand for."""

    def column(name: str) -> list:
        return [row[name] for row in values]

    shapes = sorted({suite.sizes for suite in suites.values()})
    number = {sizes: code for code, sizes in enumerate(shapes)}
    placed = [suites[slug] for slug in column("problem")]
    program, likelihood, transcript = column("program"), column("log_likelihood"), column("transcript")
    shape = np.array([number[suite.sizes] for suite in placed])
    has_program = np.array([text is not None for text in program])
    has_likelihood = np.array([value is not None for value in likelihood])
    has_transcript = np.array([text is not None for text in transcript])
    cpu_seconds = np.array(column("cpu_seconds"), dtype=np.float64)
    columns = Columns(
        problem=np.array([suite.problem for suite in placed], dtype=np.int64),
        index=np.array(column("index"), dtype=np.int64),
        kind=8 * shape + 4 * has_program + 2 * has_likelihood + has_transcript,
        letters=np.array(column("letters"), dtype=np.bytes_),
        cpu_seconds=cpu_seconds,
        memory_bytes=np.array(column("memory_bytes"), dtype=np.int64),
        tokens=np.array(column("tokens"), dtype=np.int32),
        truncated=np.array([finish == "length" for finish in column("finish")]),
        log_likelihood=np.array(likelihood, dtype=np.float64),
        program=np.array([text or "" for text in program], dtype="S64"),
        transcript=np.array([text or "" for text in transcript], dtype="S64"),
        test_seconds=_test_seconds(column("test_cpu_seconds"), cpu_seconds, max(sizes[-1] for sizes in shapes)),
    )
    return columns, [Alike(sizes, *which) for sizes in shapes for which in product((False, True), repeat=3)]


def _test_seconds(sent: list[tuple[float, ...]], most: NDArray[np.float64], tests: int) -> NDArray[np.float64]:
    """(samples, tests): each test's CPU seconds, and the sample's maximum where none were sent."""
    if all(len(seconds) == tests for seconds in sent):
        return np.fromiter(chain.from_iterable(sent), np.float64, len(sent) * tests).reshape(-1, tests)
    return np.array(
        [(*seconds, *[largest] * (tests - len(seconds)))[:tests] for seconds, largest in zip(sent, most, strict=True)]
    )


def _new_ones(evaluation: Evaluation, columns: Columns) -> tuple[Columns, set[int]]:
    """The samples that are neither stored nor sent twice here, and the problems that have stored samples."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT problem_id, "index" FROM {Sample._meta.db_table} '
            "WHERE evaluation_id = %s AND problem_id = ANY(%s)",
            [evaluation.pk, np.unique(columns.problem).tolist()],
        )
        known = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    keys = columns.problem << 32 | columns.index
    first = np.unique(keys, return_index=True)[1]
    if known.size:
        first = first[~np.isin(keys[first], known[:, 0] << 32 | known[:, 1])]
    return columns.only(first), set(known[:, 0].tolist())


def _sample_rows(
    evaluation: int, alike: Alike, members: Columns, verdicts: Tally, seconds: NDArray[np.float64]
) -> bytes:
    columns: list[Column] = [
        np.full(len(members.kind), evaluation, dtype=np.int64),
        members.problem,
        members.index.astype(np.int32),
        members.letters.astype(f"S{alike.sizes[-1]}"),
        LETTER_OF_CODE[verdicts.failure[:, -1]],
        LETTER_OF_CODE[verdicts.first[:, -1]],
        members.cpu_seconds,
        members.memory_bytes,
        members.tokens,
        members.truncated,
        members.log_likelihood if alike.has_likelihood else None,
        members.program if alike.has_program else None,
        np.rint(seconds * 1000).astype(np.int32),
        members.transcript if alike.has_transcript else None,
    ]
    return binary_rows(columns, len(members.kind))


def _rollup_rows(alike: Alike, members: Columns, verdicts: Tally, seconds: NDArray[np.float64]) -> RollupRows:
    """Counts a problem and level. A level that saw no test of a sample does not count it."""
    distinct, row_of = np.unique(members.problem, return_inverse=True)
    levels = len(alike.sizes)
    cell = row_of[:, None] * levels + np.arange(levels)[None, :]
    counted = (verdicts.failure != codes.NOT_RUN) & (verdicts.failure != codes.INFRASTRUCTURE)
    tokens = members.tokens.astype(np.int64)[:, None]

    def total(mask: NDArray[np.bool_], weights: NDArray | None = None) -> NDArray:
        where = None if weights is None else np.broadcast_to(weights, mask.shape)[mask]
        return np.bincount(cell[mask], weights=where, minlength=len(distinct) * levels)

    return RollupRows(
        np.repeat(distinct, levels),
        np.tile(np.arange(1, levels + 1), len(distinct)),
        {
            "n": total(counted),
            "solved": total(verdicts.failure == codes.SOLVED),
            "optimisation": total(verdicts.failure == codes.OPTIMISATION),
            "correctness": total(verdicts.failure == codes.CORRECTNESS),
            "no_answer": total(verdicts.failure == codes.NO_ANSWER),
            "first_optimisation": total(counted & (verdicts.first == codes.OPTIMISATION)),
            "first_correctness": total(counted & (verdicts.first == codes.CORRECTNESS)),
            "infrastructure": total(verdicts.failure == codes.INFRASTRUCTURE),
            "cpu_seconds_sum": total(counted, largest_so_far(seconds, alike.sizes)),
            "tokens_sum": total(counted, tokens),
            "memory_bytes_sum": total(counted, members.memory_bytes[:, None]),
        },
    )


def _write_rollups(evaluation: int, parts: list[RollupRows], touched: set[int]) -> None:
    """COPY the counts of problems seen for the first time, add those of the others to their rows."""
    parts = _sum_up(parts)
    for part in parts:
        known = np.isin(part.problems, list(touched))
        if not known.all():
            _copy(Rollup._meta.db_table, ROLLUP_COLUMNS, [_rollup_bytes(evaluation, part, ~known)])
        if known.any():
            _add_to_rollups(evaluation, part, known)


def _sum_up(parts: list[RollupRows]) -> list[RollupRows]:
    """One part in which each problem and level occurs once: the samples of a problem may differ in what is null."""
    if len(parts) < 2:
        return parts
    problems = np.concatenate([part.problems for part in parts])
    levels = np.concatenate([part.levels for part in parts])
    cells, row_of = np.unique(np.stack([problems, levels]), axis=1, return_inverse=True)
    row_of = row_of.reshape(-1)
    counts = {
        name: np.bincount(row_of, weights=np.concatenate([part.counts[name] for part in parts])) for name in COUNTS
    }
    return [RollupRows(cells[0], cells[1], counts)]


def _rollup_bytes(evaluation: int, part: RollupRows, chosen: NDArray[np.bool_]) -> bytes:
    kinds = {"cpu_seconds_sum": "f8", "tokens_sum": "i8", "memory_bytes_sum": "i8"}
    columns: list[Column] = [
        np.full(int(chosen.sum()), evaluation, dtype=np.int64),
        part.problems[chosen].astype(np.int64),
        part.levels[chosen].astype(np.int16),
        *(part.counts[name][chosen].astype(kinds.get(name, "i4")) for name in COUNTS),
    ]
    return binary_rows(columns, int(chosen.sum()))


def _add_to_rollups(evaluation: int, part: RollupRows, chosen: NDArray[np.bool_]) -> None:
    table = Rollup._meta.db_table
    values = ", ".join(["%s::bigint[]", "%s::smallint[]", *(f"%s::{COUNT_TYPES.get(n, 'integer')}[]" for n in COUNTS)])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(ROLLUP_COLUMNS)}) SELECT %s, * FROM unnest({values}) "
            "ON CONFLICT (evaluation_id, level, problem_id) DO UPDATE SET "
            + ", ".join(f"{name} = {table}.{name} + EXCLUDED.{name}" for name in COUNTS),
            [
                evaluation,
                part.problems[chosen].tolist(),
                part.levels[chosen].tolist(),
                *(part.counts[name][chosen].tolist() for name in COUNTS),
            ],
        )


def _copy(table: str, columns: Sequence[str], parts: Iterable[bytes]) -> None:
    """Raises the errors of Django's own queries, which COPY would not."""
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(copy_statement(table, columns)) as copy,
    ):
        copy.write(HEADER)
        for part in parts:
            copy.write(part)
        copy.write(TRAILER)
