"""The frontier figure from ten million samples' rollups, from rows to Plotly dict, against a numpy oracle.

    python tests/benchmarks/bench_figure.py

Bar: under 100 ms, exact. 25 evaluations x 1000 problems x 400 samples, rolled up at five coverage levels, in a
PostgreSQL of the benchmark's own. The oracle knows the counts from which the rows were made and loops over replicates.
"""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from services import running

EVALUATIONS, PROBLEMS, SAMPLES, LEVELS, REPEATS = 25, 1000, 400, 5, 15


class Counts(NamedTuple):
    """(levels, evaluations, problems) each."""

    solved: NDArray[np.int64]
    optimisation: NDArray[np.int64]
    correctness: NDArray[np.int64]


def draw() -> Counts:
    rng = np.random.default_rng(0)
    alpha = np.linspace(-0.5, 1.5, EVALUATIONS)[None, :, None]
    level = np.arange(1, LEVELS + 1)[:, None, None]
    hard = rng.normal(size=(1, 1, PROBLEMS))
    wrong = rng.binomial(SAMPLES, 1 / (1 + np.exp(2 - 1.5 * alpha - hard)), size=(LEVELS, EVALUATIONS, PROBLEMS))
    slow = rng.binomial(SAMPLES - wrong, 1 / (1 + np.exp(4 - 0.8 * level + 2 * alpha - hard)))
    return Counts(SAMPLES - wrong - slow, slow, wrong)


def fill(counts: Counts):
    """A study with these counts."""
    from django.db import connection

    from frontier_app.models import Checkpoint, Evaluation, Path, Problem, ProblemSet, Rollup, Study

    problem_set = ProblemSet.objects.create(reference="bench", levels=LEVELS)
    study = Study.objects.create(slug="bench", title="bench", held_out_set=problem_set)
    problems = Problem.objects.bulk_create(
        Problem(
            problem_set=problem_set,
            slug=f"p{place}",
            position=place,
            title=f"p{place}",
            statement="",
            difficulty="hard",
            cpu_seconds=1,
            memory_bytes=1,
            content_sha256="",
        )
        for place in range(PROBLEMS)
    )
    checkpoints = Checkpoint.objects.bulk_create(
        Checkpoint(reference=f"c{index}", name=f"c{index}", study=study, origin="merged")
        for index in range(EVALUATIONS)
    )
    alphas = np.linspace(-0.5, 1.5, EVALUATIONS).round(6)
    low, high = (checkpoints[int(np.flatnonzero(alphas == end)[0])] for end in (0.0, 1.0))
    path = Path.objects.create(study=study, name="bench", low=low, high=high)
    evaluations = Evaluation.objects.bulk_create(
        Evaluation(
            study=study,
            reference=f"e{index}",
            checkpoint=checkpoint,
            path=path,
            alpha=float(alphas[index]),
            problem_set=problem_set,
            state=Evaluation.COMPLETE,
            samples_done=PROBLEMS * SAMPLES,
        )
        for index, checkpoint in enumerate(checkpoints)
    )
    columns = "evaluation_id, problem_id, level, n, solved, optimisation, correctness, no_answer, first_optimisation, "
    columns += "first_correctness, infrastructure, cpu_seconds_sum, tokens_sum, memory_bytes_sum"
    with connection.cursor() as cursor, cursor.copy(f"COPY {Rollup._meta.db_table} ({columns}) FROM STDIN") as copy:
        for level in range(LEVELS):
            for index, evaluation in enumerate(evaluations):
                for place, problem in enumerate(problems):
                    solved, slow, wrong = (int(part[level, index, place]) for part in counts)
                    copy.write_row(
                        (evaluation.pk, problem.pk, level + 1, SAMPLES, solved, slow, wrong, 0, slow, wrong, 0, 0, 0, 0)
                    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return study


def oracle(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(evaluations, 2) rates on whole suites and (evaluations, 2, 2) covariances, one replicate at a time."""
    from compute.stats.bootstrap import resampling_weights

    rates = np.stack([counts.optimisation[-1], counts.correctness[-1]], axis=-1) / SAMPLES
    replicates = []
    for row in resampling_weights(PROBLEMS):
        drawn = np.repeat(np.arange(PROBLEMS), row.astype(int))
        replicates.append(rates[:, drawn].mean(axis=1))
    stacked = np.array(replicates)
    covariance = np.array([np.cov(stacked[:, index].T) for index in range(EVALUATIONS)])
    return rates.mean(axis=1), covariance


def check(figure: dict, counts: Counts) -> None:
    """Marks exact to the four digits that are drawn; ellipses reach where the oracle's covariance says."""
    means, covariances = oracle(counts)
    marks = next(trace for trace in figure["data"] if trace.get("meta") == {"marks": True})
    order = [int(key[1:]) for key in marks["customdata"]]
    drawn = np.array([marks["x"], marks["y"]]).T
    np.testing.assert_allclose(drawn, means[order], atol=5.1e-5)
    radius = np.sqrt(-2 * np.log(0.05))
    for trace in figure["data"]:
        key = trace.get("meta", {}).get("ellipse")
        if key is not None:
            index = int(key[1:])
            reach = radius * np.sqrt(np.diag(covariances[index]))
            half = np.array([np.ptp(trace["x"]), np.ptp(trace["y"])]) / 2
            np.testing.assert_allclose(half, reach, rtol=0.02, atol=2e-4)


def measure() -> None:
    from frontier_app.numbers.explorer import explorer_data, frontier_of
    from frontier_app.numbers.placement import select
    from frontier_app.viewer import Viewer

    counts = draw()
    study = fill(counts)
    selection = select(study, {})
    check(frontier_of(study, selection), counts)
    print(
        f"{EVALUATIONS * PROBLEMS * SAMPLES:,} samples in {EVALUATIONS * PROBLEMS * LEVELS:,} rollup rows; figure exact"
    )
    for name, make in (
        ("frontier figure", lambda: frontier_of(study, selection)),
        ("whole page's data", lambda: explorer_data(study, selection, Viewer())),
    ):
        taken, busy = [], []
        for _ in range(REPEATS):
            started, cpu = time.perf_counter(), time.process_time()
            make()
            taken.append((time.perf_counter() - started) * 1000)
            busy.append((time.process_time() - cpu) * 1000)
        bar = ""
        if name == "frontier figure":
            bar = f"  (bar: 100 ms: {'pass' if np.median(taken) < 100 else 'FAIL'})"
        print(f"{name}: median {np.median(taken):.0f} ms, least {min(taken):.0f} ms, CPU {np.median(busy):.0f} ms{bar}")


if __name__ == "__main__":
    with running(durable=False):
        measure()
