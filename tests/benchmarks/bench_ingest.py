"""Samples from event lines to queryable rows with rollups, against a bare COPY of the same rows.

    python tests/benchmarks/bench_ingest.py [samples] [samples a problem]

Bar: 100 000 samples a second. Counted is what a worker does with its child's output: parse the lines, classify, COPY,
roll up, commit, batch after batch. The bare COPY sends the finished bytes of the same rows to the same table and
commits, and so is the floor. The rounds of the two alternate and the fastest of each is compared. CPU seconds of this
process are printed too, because they say more on a busy machine.
"""

import io
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from services import running  # before Django

import factories  # isort: skip
from django.db import connection, transaction

from compute.events import EventWriter
from frontier_app.copying import HEADER, TRAILER, copy_statement
from frontier_app.ingest import ingest
from frontier_app.jobs.stream import EventStream, collecting_rarely
from frontier_app.models import Evaluation, Job, Rollup, Sample
from frontier_app.sample_rows import SAMPLE_COLUMNS

ROUNDS, PROBLEMS_AN_EVENT = 5, 16


class Took(NamedTuple):
    wall_seconds: float
    cpu_seconds: float


def took(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def child_output(evaluation: Evaluation, problems: list, samples: int) -> bytes:
    """What a child would print: whole problems, PROBLEMS_AN_EVENT in an event."""
    stream = io.StringIO()
    emit = EventWriter(stream)
    for first in range(0, len(problems), PROBLEMS_AN_EVENT):
        parts = [
            factories.sample_event(evaluation, problem.slug, len(problem.tests), samples)
            for problem in problems[first : first + PROBLEMS_AN_EVENT]
        ]
        programs = {name: text for part in parts for name, text in part.programs.items()}
        emit(parts[0].model_copy(update={"samples": sum((p.samples for p in parts), ()), "programs": programs}))
    return stream.getvalue().encode()


def store(job: Job, output: bytes) -> None:
    """What a worker does with it."""
    with collecting_rarely():
        for parsed in EventStream(io.BytesIO(output), "events").batches(1.0):
            assert not parsed.refused
            if parsed.events:
                ingest(job, job.token, parsed.events)


def bare_copy(rows: bytes) -> None:
    statement = copy_statement(Sample._meta.db_table, SAMPLE_COLUMNS)
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)


def one_round(study: object, problems: list, samples: int, number: int) -> tuple[Took, Took]:
    evaluation = factories.planned_evaluation(study, study.base, samples, alpha=number / 10)
    job = factories.hold(evaluation.job)
    output = child_output(evaluation, problems, samples)
    ingested = took(lambda: store(job, output))
    assert Sample.objects.filter(evaluation=evaluation).count() == samples * len(problems)
    whole = Rollup.objects.filter(evaluation=evaluation, level=5).values_list("n", "infrastructure")
    assert sum(sum(pair) for pair in whole) == samples * len(problems)
    rows = copied_out(evaluation.pk)
    Sample.objects.filter(evaluation=evaluation).delete()
    return ingested, took(lambda: bare_copy(rows))


def main(total: int, samples: int) -> None:
    study = factories.study(problems=total // samples)
    problems = list(study.held_out_set.problems.all())
    count = samples * len(problems)
    rounds = [one_round(study, problems, samples, number) for number in range(ROUNDS)]
    best, bare = (min(one[side].wall_seconds for one in rounds) for side in (0, 1))
    print(f"{count:,} samples of {len(problems):,} problems with 10 tests in 5 levels; fastest of {ROUNDS}")
    print(f"ingest, lines to rows and rollups   {count / best:>10,.0f} samples/s   (bar 100,000)")
    cpu = min(one[0].cpu_seconds for one in rounds) / count * 1e6
    print(f"  its CPU time in this process      {cpu:>10.1f} us/sample")
    print(f"bare COPY of the same rows          {count / bare:>10,.0f} samples/s")
    print(f"ratio, ingest to bare COPY          {best / bare:>10.2f}")


def copied_out(evaluation: int) -> bytes:
    """The evaluation's rows in binary COPY format, as they lie in the table."""
    columns = ", ".join(f'"{name}"' for name in SAMPLE_COLUMNS)
    query = f"COPY (SELECT {columns} FROM {Sample._meta.db_table} WHERE evaluation_id = {evaluation} ORDER BY id) "
    with connection.cursor() as cursor, cursor.copy(query + "TO STDOUT (FORMAT BINARY)") as copy:
        data = b"".join(copy)
    assert data.startswith(HEADER)
    assert data.endswith(TRAILER)
    return data


if __name__ == "__main__":
    with running():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 16)
