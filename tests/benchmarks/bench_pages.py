"""Every list page of a study with ten thousand runs, checkpoints and evaluations, and the rollups of ten million
samples; and the table of runs by a metric against MLflow on the same PostgreSQL.

    python tests/benchmarks/bench_pages.py [PYTHON-WITH-MLFLOW]

Bars: p95 of the server's time under 200 ms a page, first pages under 200 kB, sorting evaluations by solve rate within
them. Times are those of Django's test client: routing, queries and templates, without the network. Both sides of the
comparison are asked in the same run for the 25 runs with the highest last reward, MLflow's calls first and then ours:
MLflow's store answers with rows alone, ours is the whole page.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from large_study import PROBLEMS, ROWS, SAMPLES, machine, services, write_study

REPEATS = 20
STUDY = "/studies/large/"
PAGES = {
    "runs": "runs/",
    "runs by reward": "runs/?sort=-metric.reward",
    "runs by solve rate": "runs/?sort=-solve_rate",
    "runs by a configuration key": "runs/?sort=config.learning_rate",
    "runs filtered": "runs/?q=coverage+%3D+0.4+config.learning_rate+%3C+0.001",
    "runs grouped by coverage": "runs/?group=coverage",
    "curves of a page": "runs/curves.json",
    "checkpoints": "checkpoints/",
    "checkpoints by solve rate": "checkpoints/?sort=-solve_rate",
    "checkpoints by number of points": "checkpoints/?sort=-points",
    "evaluations": "evaluations/",
    "evaluations by solve rate": "evaluations/?sort=-solve_rate",
    "evaluations, last page": "evaluations/?sort=-solve_rate&page=200",
    "evaluations filtered by a rate": "evaluations/?q=solve_rate.hard+%3E+0.5",
    "evaluations grouped by coverage": "evaluations/?group=coverage",
    "lineage around one": "checkpoints/lineage/?around=large.run00001",
    "lineage of everything": "checkpoints/lineage/",
    "problems": "problems/",
}
# Ten thousand evaluations at once: asked after the rest.
DATA = {"study page's data": "explorer.json", "frontiers' data": "explore/data.json"}


def main() -> None:
    with services():
        started = time.perf_counter()
        study = write_study()
        print(f"{ROWS:,} runs, checkpoints, evaluations; rollups of {ROWS * PROBLEMS * SAMPLES:,} samples; "
              f"written in {time.perf_counter() - started:.0f} s; {machine()}", flush=True)  # fmt: skip
        client = member(study)
        for name, page in PAGES.items():
            print(f"{name:34}{measured(client, page)}", flush=True)
        if len(sys.argv) > 1:
            compare(client, sys.argv[1])
        for name, page in DATA.items():
            print(f"{name:34}{measured(client, page, 3)}", flush=True)
        print(machine())


def member(study: Any) -> Any:
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(study.members.get())
    return client


def measured(client: Any, page: str, repeats: int = REPEATS) -> str:
    """p95, median and least of the server's milliseconds, queries and kilobytes of one page."""
    from django.db import connection

    queries = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        response = client.get(STUDY + page)
    if response.status_code != 200:
        return f"status {response.status_code}"
    taken = np.array([seconds(client, page) for _ in range(repeats)]) * 1000
    p95, median, least = np.quantile(taken, 0.95), np.median(taken), taken.min()
    return (f"p95 {p95:5.0f} ms, median {median:5.0f} ms, least {least:5.0f} ms, "
            f"{len(queries):3d} queries, {len(response.content) / 1000:5.0f} kB")  # fmt: skip


def seconds(client: Any, page: str) -> float:
    started = time.perf_counter()
    response = client.get(STUDY + page)
    assert response.status_code == 200
    return time.perf_counter() - started


def compare(client: Any, python: str) -> None:
    """The 25 runs with the highest last reward, from our page and from MLflow's store, on one PostgreSQL."""
    from django.db import connection

    from frontier_app.models import MetricPoint, Run

    last = {}
    for run, name, step, value in MetricPoint.objects.order_by("step").values_list("run", "name", "step", "value"):
        last[run, name] = (name, value, step)
    by_run: dict[int, list[tuple[str, float, int]]] = {}
    for (run, _), point in last.items():
        by_run.setdefault(run, []).append(point)
    runs = [{"name": run.name, "params": {**run.config, "limits": str(run.config["limits"])}, "metrics": by_run[run.pk]}
            for run in Run.objects.all()]  # fmt: skip
    one = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE mlflow")
    address = f"postgresql+psycopg2://{one['USER'] or ''}@/mlflow?host={one['HOST'] or ''}"
    address += f"&port={one['PORT']}" if one["PORT"] else ""
    script = Path(__file__).with_name("bench_mlflow.py")
    found = subprocess.run([python, str(script), address], input=json.dumps(runs), text=True, capture_output=True)
    if found.returncode:
        print("MLflow could not be asked:", found.stderr[-800:])
        return
    theirs = json.loads(found.stdout.splitlines()[-1])
    ours = np.array([seconds(client, PAGES["runs by reward"]) for _ in range(REPEATS)]) * 1000
    page = client.get(STUDY + PAGES["runs by reward"]).content.decode()
    first = page.partition('id="runs"')[2].partition("<tbody>")[2].partition("</tr>")[0]
    assert f"{theirs['best']:.4g}" in first, "both name the same best run"
    other = np.array(theirs["seconds"]) * 1000
    print(f"runs by a metric, {len(runs):,} runs: this page, all of it: median {np.median(ours):.0f} ms, p95 "
          f"{np.quantile(ours, 0.95):.0f} ms; MLflow's search_runs without HTTP: median {np.median(other):.0f} ms, p95 "
          f"{np.quantile(other, 0.95):.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
