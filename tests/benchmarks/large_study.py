"""A study of the size that pages must hold: ten thousand runs, checkpoints and evaluations, with the rollups of ten
million samples, written with COPY into a PostgreSQL of the benchmark's own.

Import `services` before this. Figures are drawn from a seeded generator and mean nothing.
"""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

ROWS, PROBLEMS, SAMPLES, LEVELS, SEEDS, STEPS = 10_000, 50, 20, 5, 10, 10
# Counts of every evaluation on every problem at every level, drawn where they are kept.
ROLLUPS = """
INSERT INTO frontier_app_rollup (evaluation_id, problem_id, level, n, solved, optimisation, correctness, no_answer,
    first_optimisation, first_correctness, infrastructure, cpu_seconds_sum, tokens_sum, memory_bytes_sum)
SELECT evaluation, problem, level, %(samples)s, %(samples)s - wrong - slow, slow, wrong, 0, slow, wrong, 0, 0.5,
    900, 16777216
FROM (
    SELECT evaluation.id AS evaluation, problem.id AS problem, level,
        floor(random() * (%(samples)s / 2))::integer AS wrong, floor(random() * (%(samples)s / 2))::integer AS slow
    FROM frontier_app_evaluation AS evaluation CROSS JOIN frontier_app_problem AS problem
    CROSS JOIN generate_series(1, %(levels)s) AS level
) AS drawn
"""
METRICS = ("entropy", "loss", "reward", "solved_rate")


def write_study(rows: int = ROWS) -> Any:
    """One run a row, with four metrics of ten steps, its checkpoint, an evaluation of it and the evaluation's rollups
    at five levels. Every tenth evaluation is of a merge on one of a hundred paths instead."""
    from django.contrib.auth.models import User
    from django.db import connection

    from frontier_app.evaluation_rates import refresh_rates
    from frontier_app.main_evaluations import refresh_main_evaluations
    from frontier_app.models import (
        Checkpoint,
        Evaluation,
        Membership,
        MergeIngredient,
        MetricPoint,
        Problem,
        ProblemSet,
        Run,
        Study,
    )
    from frontier_app.models import (
        Path as WeightPath,
    )

    rng = np.random.default_rng(0)
    problem_set = ProblemSet.objects.create(reference="large", title="large", levels=LEVELS)
    study = Study.objects.create(slug="large", title="Ten thousand of everything", held_out_set=problem_set)
    owner = User.objects.create(username="owner")
    Membership.objects.create(study=study, user=owner, role=Membership.OWNER)
    study.base = Checkpoint.objects.create(reference="large.base", name="base", study=study, origin="base", folder="/b")
    study.save()
    names = ("easy", "medium", "hard", "hard")
    Problem.objects.bulk_create(
        Problem(problem_set=problem_set, slug=f"p{at:03d}", position=at, title=f"Problem {at}", statement="",
                difficulty=names[at % 4], cpu_seconds=1, memory_bytes=1, content_sha256="",
                tests=[{"identifier": "t", "group": 1, "size_bytes": 9, "public": False}])
        for at in range(PROBLEMS)
    )  # fmt: skip
    values = rng.random((rows, len(METRICS), STEPS))
    runs = Run.objects.bulk_create(
        (Run(study=study, reference=f"large.run{at:05d}", name=f"coverage {coverage(at):g}, seed {at % SEEDS} ({at})",
             coverage=coverage(at), seed=at % SEEDS, steps=STEPS, initialisation=study.base, config=config(at),
             last_metrics={name: [STEPS, line[-1]] for name, line in zip(METRICS, table.tolist(), strict=True)})
         for at, table in enumerate(values)),
        batch_size=2000,
    )  # fmt: skip
    trained = Checkpoint.objects.bulk_create(
        (Checkpoint(reference=run.reference, name=run.name, study=study, origin="trained", run=run, step=STEPS,
                    coverage=run.coverage, parent=study.base, folder="/somewhere", size_bytes=4096) for run in runs),
        batch_size=2000,
    )  # fmt: skip
    paths = WeightPath.objects.bulk_create(
        WeightPath(study=study, name=f"path {at}", low=trained[2 * at], high=trained[2 * at + 1])
        for at in range(rows // 100)
    )
    alphas = [round(-0.5 + 0.2 * at, 2) for at in range(10)]
    merges = Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"large.m{path.pk}-{at}", name=f"{path.name} at {alpha:g}", study=study, origin="merged")
        for path in paths
        for at, alpha in enumerate(alphas)
    )
    MergeIngredient.objects.bulk_create(
        MergeIngredient(merge=merges[10 * place + at], checkpoint=end, weight=weight)
        for place, path in enumerate(paths)
        for at, alpha in enumerate(alphas)
        for end, weight in ((path.low, 1 - alpha), (path.high, alpha))
    )
    merged = [
        (merges[10 * place + at], path, alpha) for place, path in enumerate(paths) for at, alpha in enumerate(alphas)
    ]
    measured = [*merged, *((one, None, None) for one in trained[: rows - len(merged)])]
    evaluations = Evaluation.objects.bulk_create(
        (Evaluation(study=study, reference=f"large.e{at:05d}", checkpoint=checkpoint, path=path, alpha=alpha,
                    problem_set=problem_set, state="complete", samples_done=PROBLEMS * SAMPLES,
                    sampling={"samples": SAMPLES, "temperature": 1.0, "seed": 0, "max_tokens": 160})
         for at, (checkpoint, path, alpha) in enumerate(measured)),
        batch_size=2000,
    )  # fmt: skip
    points = (
        (run.pk, step, name, float(value))
        for run, table in zip(runs, values, strict=True)
        for name, line in zip(METRICS, table, strict=True)
        for step, value in enumerate(line, start=1)
    )
    copy_rows(MetricPoint._meta.db_table, ("run_id", "step", "name", "value"), points)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(ROLLUPS, {"samples": SAMPLES, "levels": LEVELS})
    refresh_rates([one.pk for one in evaluations])
    refresh_main_evaluations([one.checkpoint_id for one in evaluations])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return study


def coverage(at: int) -> float:
    return (0.2, 0.4, 0.6, 0.8, 1.0)[at // SEEDS % 5]


def config(at: int) -> dict[str, Any]:
    """About as large as a real configuration."""
    rest = {f"option_{number:02d}": number for number in range(20)}
    return {"coverage": coverage(at), "seed": at % SEEDS, "learning_rate": 10 ** -(3 + at % 3), "steps": STEPS,
            "limits": {"cpu_seconds": None, "workers": at % 4}, **rest}  # fmt: skip


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    from django.db import connection

    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def machine() -> str:
    """What else the machine did meanwhile, which is part of every number."""
    return json.dumps({"load": [round(one, 1) for one in os.getloadavg()], "cores": os.cpu_count()})
