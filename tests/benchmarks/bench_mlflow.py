"""MLflow's side of `bench_pages.py`, run by the Python of an environment that has MLflow:

    python bench_mlflow.py POSTGRESQL-ADDRESS

Reads lines and answers each with one of JSON. The first holds the runs, which are written into the tables that MLflow
made itself. Every other asks for a page of 25 runs by a metric through the tracking store, without HTTP, which is
MLflow's fastest way; the answer has the seconds of the call, how many rows it gave and the best run's metric.
"""

import json
import sys
import time

from mlflow.entities import ViewType
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore


def main() -> None:
    store = SqlAlchemyStore(sys.argv[1], "file:///tmp/nothing-is-written-here")
    runs = json.loads(sys.stdin.readline())
    experiment = store.create_experiment("large")
    fill(store, runs, int(experiment))
    print(json.dumps({"runs": len(runs)}), flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        page = store.search_runs([experiment], "", ViewType.ACTIVE_ONLY, 25, ["metrics.reward DESC"])
        taken = time.perf_counter() - started
        print(json.dumps({"seconds": taken, "rows": len(page), "best": page[0].data.metrics["reward"]}), flush=True)


def fill(store: SqlAlchemyStore, runs: list, experiment: int) -> None:
    """The rows that `log_batch` would write, of which MLflow keeps the last value of each metric apart."""
    with store.ManagedSessionMaker() as session:
        session.bulk_insert_mappings(
            SqlRun,
            [
                {"run_uuid": f"{at:032x}", "name": run["name"], "experiment_id": experiment, "user_id": "someone",
                 "status": "FINISHED", "source_type": "LOCAL", "source_name": "", "entry_point_name": "",
                 "source_version": "", "start_time": at, "end_time": at, "lifecycle_stage": "active",
                 "artifact_uri": ""}
                for at, run in enumerate(runs)
            ],
        )  # fmt: skip
        session.bulk_insert_mappings(
            SqlParam,
            [
                {"run_uuid": f"{at:032x}", "key": key, "value": str(value)}
                for at, run in enumerate(runs)
                for key, value in run["params"].items()
            ],
        )
        last = [
            {"run_uuid": f"{at:032x}", "key": key, "value": value, "timestamp": step, "step": step, "is_nan": False}
            for at, run in enumerate(runs)
            for key, value, step in run["metrics"]
        ]
        session.bulk_insert_mappings(SqlLatestMetric, last)
        session.bulk_insert_mappings(SqlMetric, last)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


if __name__ == "__main__":
    main()
