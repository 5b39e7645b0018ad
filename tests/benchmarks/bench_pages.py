"""Every list page of a study with ten thousand runs, checkpoints and evaluations, and the rollups of ten million
samples; the pages of figures and their data; and the table of runs by a metric against MLflow on the same PostgreSQL.

    python tests/benchmarks/bench_pages.py [PYTHON-WITH-MLFLOW]

Bars: p95 of the server's time under 200 ms a page and a figure's data, pages under 200 kB, sorting evaluations by solve
rate within them. Times are those of Django's test client: routing, queries and templates, without the network. The
comparison asks in turn, call by call in one run, for the 25 runs with the highest last reward with their parameters and
last metrics: MLflow's store (`bench_mlflow.py`, a process that stays), the rows of our table alone, which are what
MLflow's `search_runs` gives and their rates, and our whole page.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from large_study import PROBLEMS, ROWS, SAMPLES, machine, write_study
from services import running

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
    "study page": "",
    "frontiers": "explore/",
    "failures": "failures/",
    "ensembles": "ensembles/",
    "two evaluations": "compare/?a=large.e00000&b=large.e00001",
}
# What the pages of figures ask for: asked after the rest, and less often.
DATA = {
    "study page's data": "explorer.json",
    "frontiers' data": "explore/data.json",
    "failures' grid": "failures/grid.json",
    "failures' levels": "failures/levels.json",
    "failures' groups": "failures/groups.json",
    "failures' growth": "failures/growth.json",
    "ensembles' data": "ensembles.json",
}
P95_MILLISECONDS, KILOBYTES = 200, 200


def main() -> None:
    with running(durable=False):
        started = time.perf_counter()
        study = write_study()
        print(f"{ROWS:,} runs, checkpoints, evaluations; rollups of {ROWS * PROBLEMS * SAMPLES:,} samples; "
              f"written in {time.perf_counter() - started:.0f} s; {machine()}", flush=True)  # fmt: skip
        client = member(study)
        for name, page in PAGES.items():
            print(f"{name:34}{measured(client, page)}", flush=True)
        if len(sys.argv) > 1:
            compare(client, study, sys.argv[1])
        for name, page in DATA.items():
            print(f"{name:34}{measured(client, page, REPEATS // 4)}", flush=True)
        print(machine())


def member(study: Any) -> Any:
    from django.conf import settings
    from django.test import Client

    import frontier_app.asgi  # noqa: F401 - what is loaded is kept out of garbage collections, as in the web server

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(study.members.get())
    return client


def measured(client: Any, page: str, repeats: int = REPEATS) -> str:
    """p95, median and least of the server's milliseconds, queries and kilobytes of one page, each beside its bar."""
    from django.db import connection

    queries = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        queries.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        response = client.get(STUDY + page)
    if response.status_code != 200:
        return f"FAIL: status {response.status_code}"
    taken = np.array([seconds(client, page) for _ in range(repeats)]) * 1000
    p95, median, least = np.quantile(taken, 0.95), np.median(taken), taken.min()
    size = len(response.content) / 1000
    weight = f" ({verdict(size < KILOBYTES)})" if "html" in response.headers["Content-Type"] else ""
    return (f"p95 {p95:5.0f} ms ({verdict(p95 < P95_MILLISECONDS)}), median {median:5.0f} ms, least {least:5.0f} ms, "
            f"{len(queries):3d} queries, {size:5.0f} kB{weight}")  # fmt: skip


def verdict(kept: bool) -> str:
    return "pass" if kept else "FAIL"


def seconds(client: Any, page: str) -> float:
    started = time.perf_counter()
    response = client.get(STUDY + page)
    assert response.status_code == 200
    return time.perf_counter() - started


def compare(client: Any, study: Any, python: str) -> None:
    """The 25 runs with the highest last reward from MLflow's store, from our table and on our page, in turn."""
    script = Path(__file__).with_name("bench_mlflow.py")
    command = [python, str(script), database_for_mlflow()]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stderr=log, **pipes) as mlflow:

        def ask(line: str) -> Any:
            print(line, file=mlflow.stdin, flush=True)
            answer = mlflow.stdout.readline()
            return json.loads(answer) if answer else None

        if ask(json.dumps(same_runs())) is None or ask("search") is None:
            log.seek(0)
            print("MLflow could not be asked:", log.read()[-800:])
            return
        rows = rows_alone(study)
        seconds(client, PAGES["runs by reward"])
        taken = [(ask("search"), *timed(rows), seconds(client, PAGES["runs by reward"])) for _ in range(REPEATS)]
        mlflow.stdin.close()
    theirs, found = taken[-1][0], taken[-1][2]
    assert len(found) == theirs["rows"] == 25
    assert found[0].metric("reward") == theirs["best"], "both name the same best run"
    other, ours, page = np.array([(one["seconds"], alone, whole) for one, alone, _, whole in taken]).T * 1000
    print(f"runs by a metric, {ROWS:,} runs, {REPEATS} calls of each in turn:")
    for name, part in (("MLflow's search_runs", other), ("our rows alone", ours), ("our whole page", page)):
        ratio = np.median(part / other)
        print(f"  {name:22}median {np.median(part):5.0f} ms, p95 {np.quantile(part, 0.95):5.0f} ms, "
              f"{ratio:5.2f} of MLflow's")  # fmt: skip


def rows_alone(study: Any) -> Callable[[], Any]:
    """A call that gives the rows of the table by reward: runs with configuration, last metrics and rates."""
    from django.http import QueryDict

    from frontier_app.models import Run
    from frontier_app.tables import runs as run_table
    from frontier_app.tables.table import Table

    columns = run_table.columns(study, "hard")

    def read() -> Any:
        table = Table("runs", "runs", QueryDict("sort=-metric.reward"), columns, 25)
        return run_table.rows_of(study, table.page(Run.objects.filter(study=study)), float, "hard")[0]

    return read


def timed(read: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = read()
    return time.perf_counter() - started, found


def same_runs() -> list[dict[str, Any]]:
    """Our runs as MLflow keeps them."""
    from frontier_app.models import MetricPoint, Run

    last = {}
    for run, name, step, value in MetricPoint.objects.order_by("step").values_list("run", "name", "step", "value"):
        last[run, name] = (name, value, step)
    by_run: dict[int, list[tuple[str, float, int]]] = {}
    for (run, _), point in last.items():
        by_run.setdefault(run, []).append(point)
    return [{"name": run.name, "params": {**run.config, "limits": str(run.config["limits"])}, "metrics": by_run[run.pk]}
            for run in Run.objects.all()]  # fmt: skip


def database_for_mlflow() -> str:
    """The address of an empty database beside ours."""
    from django.db import connection

    one = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE mlflow")
    address = f"postgresql+psycopg2://{one['USER'] or ''}@/mlflow?host={one['HOST'] or ''}"
    return address + (f"&port={one['PORT']}" if one["PORT"] else "")


if __name__ == "__main__":
    main()
