"""A claimed job runs as a child; whatever becomes of the child, the database or the worker, it ends in a state."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import factories
import psutil
import pytest
from django.db import connection

from frontier_app.jobs import process, queue
from frontier_app.models import Evaluation, Job, Problem, Sample

pytestmark = pytest.mark.django_db(transaction=True)
PRELUDE = """
import json, os, signal, sys, time
sequence = 0
def say(**event):
    global sequence
    print(json.dumps(event | {"sequence": sequence}), flush=True)
    sequence += 1
config = json.load(open(sys.argv[2]))
say(type="started", kind=sys.argv[1], pid=os.getpid())
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """`child(code)`: instead of `python -m compute`, jobs run this."""

    def write(code: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(PRELUDE + code)
        monkeypatch.setattr(process, "COMMAND", (sys.executable, str(script)))

    return write


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(process, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(process, "CANCEL_SECONDS", 1.0)
    monkeypatch.setattr(process, "RELEASE_SECONDS", 1.0)
    monkeypatch.setattr(process, "TEARDOWN_SECONDS", 1.0)


def never() -> bool:
    return False


def run(job: Job, stopping: Callable[[], bool] = never) -> Job:
    process.run(factories.hold(job), stopping)
    return Job.objects.get(pk=job.pk)


def meanwhile(action: Callable[[], object]) -> threading.Thread:
    """`action` in a thread with a database connection of its own."""

    def act() -> None:
        try:
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=act)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.05)


def test_events_logs_and_the_end_of_a_child_reach_the_row(child: Callable[[str], None]) -> None:
    child("""
print("a library speaks", file=sys.stderr)
say(type="log", line="a line")
say(type="progress", stage="work", done=3, total=4, unit="steps")
say(type="finished", summary={"answer": 42})
""")
    job = run(factories.queued())
    assert (job.state, job.summary, job.error) == (Job.SUCCEEDED, {"answer": 42}, "")
    assert (job.stage, job.done, job.total, job.unit) == ("work", 3, 4, "steps")
    log = job.log_path.read_text()
    assert "a library speaks\n" in log
    assert "a line\n" in log
    assert "a line\n" in job.log_tail


def test_a_real_child_writes_a_problem_set(tmp_path: Path) -> None:
    study = factories.empty_study()
    config = factories.ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=tmp_path,
        blobs=tmp_path / "blobs",
        train={"easy": 1},
        held_out={"easy": 1, "medium": 1},
    )
    job = run(queue.enqueue(config, title="Write the problems", study=study))
    assert (job.state, job.error) == (Job.SUCCEEDED, "")
    assert Problem.objects.filter(problem_set=study.held_out_set).count() == 2
    study.held_out_set.refresh_from_db()
    assert Path(study.held_out_set.path).is_file()


def test_a_malformed_line_costs_one_sentence_and_nothing_else(child: Callable[[str], None]) -> None:
    child("""
print("not json at all", flush=True)
print('{"type": "log", "sequence": 1, "line": "x", "extra": 1}', flush=True)
say(type="progress", stage="work", done=1, total=1, unit="steps")
say(type="finished")
""")
    job = run(factories.queued())
    assert (job.state, job.done) == (Job.SUCCEEDED, 1)
    said = [line for line in job.log_path.read_text().splitlines() if line.startswith("Not an event")]
    assert len(said) == 2
    assert "not json at all" in said[0]
    assert "Unknown key 'log.extra'" in said[1] or "Unknown key 'extra'" in said[1]


def test_a_failure_keeps_its_kind_and_its_sentence(child: Callable[[str], None]) -> None:
    child("""say(type="failed", error_kind="missing_input", message="There is no folder /x."); sys.exit(3)""")
    job = run(factories.queued())
    assert (job.state, job.error_kind, job.error) == (Job.FAILED, "missing_input", "There is no folder /x.")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sys.exit(9)", "exit status 9"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_child_that_dies_silently_has_crashed_and_the_row_says_how(
    child: Callable[[str], None], code: str, words: str
) -> None:
    child(code)
    job = run(factories.queued())
    assert (job.state, job.error_kind) == (Job.FAILED, "crashed")
    assert words in job.error


def test_a_crash_after_the_last_event_changes_nothing(child: Callable[[str], None]) -> None:
    child("""say(type="finished"); os.kill(os.getpid(), signal.SIGSEGV)""")
    assert run(factories.queued()).state == Job.SUCCEEDED


def test_a_child_that_lingers_after_its_last_event_is_ended(child: Callable[[str], None]) -> None:
    child("""say(type="finished"); time.sleep(60)""")
    began = time.monotonic()
    assert run(factories.queued()).state == Job.SUCCEEDED
    assert time.monotonic() - began < 10


def test_a_cancel_reaches_the_child_and_is_acknowledged(child: Callable[[str], None]) -> None:
    child("""
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
say(type="progress", stage="work", done=1, total=9, unit="steps")
while not stop:
    time.sleep(0.02)
say(type="cancelled")
""")
    job = factories.queued()
    thread = meanwhile(lambda: (wait_for(lambda: Job.objects.get(pk=job.pk).done == 1), queue.cancel(job.pk)))
    done = run(job)
    thread.join()
    assert (done.state, done.error) == (Job.CANCELLED, "")


def test_a_child_that_ignores_the_cancel_is_killed_and_the_row_says_so(child: Callable[[str], None]) -> None:
    child("""
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say(type="progress", stage="work", done=1, total=9, unit="steps")
time.sleep(60)
""")
    job = factories.queued()
    thread = meanwhile(lambda: (wait_for(lambda: Job.objects.get(pk=job.pk).done == 1), queue.cancel(job.pk)))
    done = run(job)
    thread.join()
    assert done.state == Job.CANCELLED
    assert "was killed" in done.error


def test_the_child_of_a_job_that_was_given_up_is_ended_and_says_nothing_more(child: Callable[[str], None]) -> None:
    child("""
say(type="progress", stage="work", done=os.getpid(), total=1e9, unit="pid")
time.sleep(60)
""")
    job = factories.queued()

    def give_up() -> None:
        wait_for(lambda: Job.objects.get(pk=job.pk).done > 0)
        Job.objects.filter(pk=job.pk).update(state=Job.LOST, token=99)

    thread = meanwhile(give_up)
    done = run(job)
    thread.join()
    assert done.state == Job.LOST
    assert not psutil.pid_exists(int(done.done))


def test_a_stopping_worker_hands_its_job_back(child: Callable[[str], None]) -> None:
    child("""
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
say(type="progress", stage="work", done=1, total=9, unit="steps")
while not stop:
    time.sleep(0.02)
say(type="progress", stage="work", done=2, total=9, unit="steps")
say(type="cancelled")
""")
    job = factories.queued()
    began = time.monotonic()
    done = run(job, stopping=lambda: time.monotonic() - began > 1.0)
    assert (done.state, done.attempt, done.done) == (Job.QUEUED, 1, 2)
    assert queue.claim(job.reference, "the next") is not None


def test_an_evaluation_is_resumed_with_the_problems_it_has_finished(child: Callable[[str], None]) -> None:
    study = factories.study()
    evaluation = factories.planned_evaluation(study, study.base, samples=2)
    held = factories.hold(evaluation.job)
    factories.tell(held, factories.sample_event(evaluation, "000-squares", 10, 2))
    factories.tell(held, factories.sample_event(evaluation, "001-squares", 10, 2))
    queue.release(held.pk, held.token)
    child("""say(type="finished", summary={"finished": config["points"][0]["finished"]})""")
    job = run(evaluation.job)
    assert job.summary == {"finished": ["000-squares", "001-squares"]}
    assert job.config["points"][0]["finished"] == []
    assert Sample.objects.filter(evaluation=evaluation).count() == 4
    assert Evaluation.objects.get(pk=evaluation.pk).samples_done == 4


def test_a_config_that_is_no_longer_valid_fails_with_a_sentence() -> None:
    job = factories.queued()
    Job.objects.filter(pk=job.pk).update(config=job.config | {"surprise": 1})
    done = run(job)
    assert (done.state, done.error_kind, done.error) == (Job.FAILED, "config", "Unknown key 'surprise'.")


def test_children_see_no_secrets(child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    child("""say(type="finished", summary={"keys": sorted(os.environ)})""")
    keys = run(factories.queued()).summary["keys"]
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"} & set(keys)
    assert "OMP_NUM_THREADS" in keys


def test_a_batch_survives_connections_that_the_database_cuts(child: Callable[[str], None]) -> None:
    child("""
for step in range(60):
    say(type="progress", stage="work", done=step + 1, total=60, unit="steps")
    time.sleep(0.02)
say(type="finished")
""")
    job = factories.queued()

    def cut() -> None:
        wait_for(lambda: Job.objects.get(pk=job.pk).done > 0)
        for _ in range(3):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            time.sleep(0.15)

    thread = meanwhile(cut)
    done = run(job)
    thread.join()
    assert (done.state, done.done) == (Job.SUCCEEDED, 60)


def test_the_child_dies_with_its_worker(tmp_path: Path) -> None:
    """A worker killed with SIGKILL must not leave a child that keeps a device busy."""
    home = tmp_path / "home"
    study = factories.empty_study()
    config = factories.ProblemsConfig(
        train_reference=study.train_set.reference,
        held_out_reference=study.held_out_set.reference,
        folder=home,
        blobs=home / "blobs",
        train={"hard": 400},
        held_out={"hard": 400},
    )
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config.model_dump(mode="json")))
    command = [sys.executable, "-m", "compute", "problems", str(path)]
    code = f"import subprocess; subprocess.Popen({command!r}).wait()"
    worker = psutil.Popen([sys.executable, "-c", code], cwd=Path(process.compute.__file__).parent.parent)
    try:
        wait_for(lambda: (home / "blobs").exists())
        (child_process,) = worker.children()
        os.kill(worker.pid, signal.SIGKILL)
        wait_for(lambda: not child_process.is_running() or child_process.status() == psutil.STATUS_ZOMBIE)
    finally:
        worker.kill()
        worker.wait()
