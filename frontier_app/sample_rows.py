"""Judged samples to rows: one COPY for the samples, one for their rollups, both in the caller's transaction.

The caller holds the evaluation's row locked, so that what exists already cannot change in between. The rollup counts
every coverage level and both precedence rules; a sample that is there already is neither stored nor counted again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from compute.events import SampleRecord
from compute.judge import tally as codes
from compute.judge.tally import LETTER_OF_CODE, Tally, largest_so_far, tally
from compute.problems.coverage import level_sizes
from frontier_app.copying import HEADER, TRAILER, Column, binary_rows, copy_statement
from frontier_app.models import Evaluation, Program, Rollup, Sample

SAMPLE_COLUMNS = (
    "evaluation_id", "problem_id", "index", "letters", "failure_class", "first_failure", "cpu_seconds",
    "memory_bytes", "tokens", "truncated", "log_likelihood", "program_id", "test_milliseconds", "transcript",
)  # fmt: skip
COUNTS = (
    "n", "solved", "optimisation", "correctness", "no_answer", "first_optimisation", "first_correctness",
    "infrastructure", "cpu_seconds_sum", "tokens_sum",
)  # fmt: skip
ROLLUP_COLUMNS = ("evaluation_id", "problem_id", "level", *COUNTS)
COUNT_TYPES = {"cpu_seconds_sum": "double precision", "tokens_sum": "bigint"}


class Suite(NamedTuple):
    """What must be known of a problem to place its samples. sizes: number of tests in the first 1, 2, ... levels."""

    problem: int
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, problem: int, tests: Sequence[dict]) -> "Suite":
        return cls(problem, tuple(level_sizes([test["group"] for test in tests])))


class Added(NamedTuple):
    stored: int
    refused: list[str]


class Alike(NamedTuple):
    """Samples whose rows have the same width: same tests, same columns null."""

    sizes: tuple[int, ...]
    has_program: bool
    has_likelihood: bool


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


def add_samples(evaluation: Evaluation, suites: dict[str, Suite], records: Iterable[SampleRecord]) -> Added:
    """COPY the samples that are new and add them to the rollups."""
    fresh, touched, refused = _sort_out(evaluation, suites, records)
    stored = 0
    samples: list[bytes] = []
    rollups: list[RollupRows] = []
    for alike, members in fresh.items():
        problems = np.array([suites[record.problem].problem for record in members])
        verdicts = tally([record.letters for record in members], alike.sizes)
        seconds = _test_seconds(members, alike.sizes[-1])
        samples.append(_sample_rows(evaluation.pk, alike, members, problems, verdicts, seconds))
        rollups.append(_rollup_rows(alike, members, problems, verdicts, seconds))
        stored += len(members)
    if stored:
        _copy(Sample._meta.db_table, SAMPLE_COLUMNS, samples)
        _write_rollups(evaluation.pk, rollups, touched)
    return Added(stored, refused)


def _sort_out(
    evaluation: Evaluation, suites: dict[str, Suite], records: Iterable[SampleRecord]
) -> tuple[dict[Alike, list[SampleRecord]], set[int], list[str]]:
    """New samples by width of row, the problems that had samples before, and a sentence for each refused problem."""
    records = list(records)
    problems = {suites[slug].problem for slug in {record.problem for record in records} & suites.keys()}
    rows = Sample.objects.filter(evaluation=evaluation, problem__in=problems).values_list("problem_id", "index")
    seen = set(rows)
    touched = {problem for problem, _ in seen}
    fresh: dict[Alike, list[SampleRecord]] = {}
    refused: dict[str, str] = {}
    for record in records:
        suite = suites.get(record.problem)
        if suite is None or not suite.sizes:
            refused[record.problem] = f"Refused samples: the problem set has no problem {record.problem!r} with tests."
        elif len(record.letters) != suite.sizes[-1]:
            refused[record.problem] = (
                f"Refused samples: {record.problem!r} has {suite.sizes[-1]} tests, not {len(record.letters)}."
            )
        elif (suite.problem, record.index) not in seen:
            seen.add((suite.problem, record.index))
            alike = Alike(suite.sizes, record.program is not None, record.log_likelihood is not None)
            fresh.setdefault(alike, []).append(record)
    return fresh, touched, list(refused.values())


def _test_seconds(members: list[SampleRecord], tests: int) -> NDArray[np.float64]:
    """(samples, tests): each test's CPU seconds, or the sample's maximum where they were not sent."""
    return np.array(
        [
            record.test_cpu_seconds if len(record.test_cpu_seconds) == tests else (record.cpu_seconds,) * tests
            for record in members
        ]
    )


def _sample_rows(
    evaluation: int,
    alike: Alike,
    members: list[SampleRecord],
    problems: NDArray,
    verdicts: Tally,
    seconds: NDArray[np.float64],
) -> bytes:
    def column(name: str, dtype: str) -> NDArray:
        return np.array([getattr(record, name) for record in members], dtype=dtype)

    columns: list[Column] = [
        np.full(len(members), evaluation, dtype=np.int64),
        problems.astype(np.int64),
        column("index", "i4"),
        column("letters", f"S{alike.sizes[-1]}"),
        LETTER_OF_CODE[verdicts.failure[:, -1]],
        LETTER_OF_CODE[verdicts.first[:, -1]],
        column("cpu_seconds", "f8"),
        column("memory_bytes", "i8"),
        column("tokens", "i4"),
        np.array([record.finish == "length" for record in members]),
        column("log_likelihood", "f8") if alike.has_likelihood else None,
        column("program", "S64") if alike.has_program else None,
        np.rint(seconds * 1000).astype(np.int32),
        b"",
    ]
    return binary_rows(columns, len(members))


def _rollup_rows(
    alike: Alike,
    members: list[SampleRecord],
    problems: NDArray,
    verdicts: Tally,
    seconds: NDArray[np.float64],
) -> RollupRows:
    """Counts a problem and level. A level that saw no test of a sample does not count it."""
    distinct, row_of = np.unique(problems, return_inverse=True)
    levels = len(alike.sizes)
    cell = row_of[:, None] * levels + np.arange(levels)[None, :]
    counted = (verdicts.failure != codes.NOT_RUN) & (verdicts.failure != codes.INFRASTRUCTURE)
    tokens = np.array([record.tokens for record in members], dtype=np.int64)[:, None]

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
    kinds = {"cpu_seconds_sum": "f8", "tokens_sum": "i8"}
    columns = [
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
    with connection.cursor() as cursor, cursor.copy(copy_statement(table, columns)) as copy:
        copy.write(HEADER)
        for part in parts:
            copy.write(part)
        copy.write(TRAILER)
