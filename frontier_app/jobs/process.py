"""A claimed job as a child process: its events to `ingest`, its log to the page, and a lease kept alive meanwhile.

The child has no database and no broker; everything it says comes over its standard output. Outages of the database
are waited out here, and whatever happens the job ends in a state. Rights and retries are decided elsewhere.
"""

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import DatabaseError, connection

import compute
from compute.configs import EvaluateConfig, JobConfig, parse_config
from compute.errors import ComputeError
from frontier_app import live
from frontier_app.ingest import StaleTokenError, ingest
from frontier_app.jobs import queue
from frontier_app.jobs.log import JobLog
from frontier_app.jobs.patience import first_line, patiently
from frontier_app.jobs.stream import EventStream, Parsed, collecting_rarely
from frontier_app.models import Job, Rollup

COMMAND = (sys.executable, "-m", "compute")
BEAT_SECONDS = 5.0
LOOK_SECONDS = 1.0
CANCEL_SECONDS = 20.0
RELEASE_SECONDS = 4.0
TEARDOWN_SECONDS = 15.0
LISTEN_SECONDS = 0.25
KEPT_FROM_CHILDREN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")
logger = logging.getLogger(__name__)


def run(job: Job, stopping: Callable[[], bool]) -> None:
    """Run a claimed job to its end, or hand it back when `stopping` says that the worker must go."""
    live.job_changed(job)
    try:
        with collecting_rarely():
            _Attempt(job, stopping).run()
    except StaleTokenError as error:
        logger.warning("%s", error)
    except Exception as error:  # the job must end in a state, whatever happened
        logger.exception("%s could not be run", job.reference)
        kind, sentence = _kind_and_sentence(error)
        patiently(lambda: queue.finish(job.pk, job.token, Job.FAILED, error_kind=kind, error=sentence))
    if ended := patiently(lambda: Job.objects.select_related("study").filter(pk=job.pk).first()):
        live.job_changed(ended)


class _Attempt:
    """One child and everything around it. `job` is as the claim returned it; its token speaks for us."""

    def __init__(self, job: Job, stopping: Callable[[], bool]) -> None:
        self._job = job
        self._log = JobLog(job)
        self._stopping = stopping
        self._ended = False
        self._released = False
        self._killed_for = ""
        self._kill_at = float("inf")

    def run(self) -> None:
        kills_before = _out_of_memory_kills()
        config = patiently(lambda: write_config(self._job))
        heart = Heart(self._job)
        child = Child(self._job, config)
        try:
            self._attend(child, heart)
            status = child.settle(TEARDOWN_SECONDS)
        finally:
            child.kill()
            child.settle(TEARDOWN_SECONDS)
            heart.stop()
            self._log.follow(last=True)
        if self._released and not self._ended:
            patiently(lambda: queue.release(self._job.pk, self._job.token))
        elif not self._ended:
            self._report_silence(status, kills_before)

    def _attend(self, child: "Child", heart: "Heart") -> None:
        for parsed in child.batches():
            self._store(parsed)
            self._heed(child, heart)
            if time.monotonic() > self._kill_at:
                child.kill()
            self._log.follow()

    def _heed(self, child: "Child", heart: "Heart") -> None:
        """What others want of this job: to be left alone, to be cancelled, to be handed back."""
        if self._ended:
            self._kill_at = min(self._kill_at, time.monotonic() + TEARDOWN_SECONDS)
        elif heart.state is None:
            raise StaleTokenError(f"{self._job.reference} was given up or ended elsewhere; its child is stopped.")
        elif heart.state == Job.CANCELLING:
            self._ask_to_stop(child, CANCEL_SECONDS, "did not stop within 20 s of being asked to and was killed")
        elif self._stopping():
            if not self._released:
                self._log.write("Interrupted: the worker was told to stop. The job starts again in its place.")
            self._released = True
            self._ask_to_stop(child, RELEASE_SECONDS, "was stopped with its worker")

    def _ask_to_stop(self, child: "Child", seconds: float, otherwise: str) -> None:
        if not self._killed_for:
            child.terminate()
            self._kill_at = time.monotonic() + seconds
            self._killed_for = otherwise

    def _store(self, parsed: Parsed) -> None:
        """Ingest one batch. A malformed line costs a sentence in the log and nothing else."""
        self._log.write(*parsed.refused)
        events = [event for event in parsed.events if not (self._released and event.type in ("cancelled", "failed"))]
        if events:
            outcome = patiently(lambda: ingest(self._job, self._job.token, events))
            self._ended = outcome.state not in queue.HELD
            self._log.write(*outcome.log)

    def _report_silence(self, status: int, kills_before: int) -> None:
        """The child is gone without a final event: say what can be known."""
        kind, sentence, state = "crashed", _how_it_died(status, _out_of_memory_kills() - kills_before), Job.FAILED
        if self._killed_for:
            kind, sentence, state = "cancelled", _after_cancel(status, self._killed_for), Job.CANCELLED
        self._log.write(sentence)
        patiently(lambda: queue.finish(self._job.pk, self._job.token, state, error_kind=kind, error=sentence))


class Child:
    """`python -m compute KIND config.json` in a session of its own, its standard error in the job's log."""

    def __init__(self, job: Job, config: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in KEPT_FROM_CHILDREN}
        with job.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, job.kind, str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(compute.__file__).parent.parent,
                env={"OMP_NUM_THREADS": "1", **environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self._events = EventStream(self._process.stdout, f"events of {job.reference}")

    def batches(self) -> Iterator[Parsed]:
        """What the child says, as it comes; an empty batch a few times a second otherwise."""
        silent_after_death = 0
        for parsed in self._events.batches(LISTEN_SECONDS):
            yield parsed
            if not any(parsed) and self._process.poll() is not None:
                silent_after_death += 1  # something the child left behind may hold the pipe open for ever
                if silent_after_death > 8:
                    return

    def terminate(self) -> None:
        """Ask the child to stop. Only itself: what it started is its own to stop."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the child and what is left of its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def settle(self, seconds: float) -> int:
        """The exit status of a child that has nothing more to say; it is killed when it does not go by itself."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()


class Heart:
    """A thread that extends the lease and watches for a cancel. `state` is None once the token has no say any more."""

    def __init__(self, job: Job) -> None:
        self.state: str | None = job.state
        self._key = (job.pk, job.token)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart of {job.reference}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=BEAT_SECONDS)

    def _beat(self) -> None:
        beat_at = time.monotonic() + BEAT_SECONDS
        try:
            while not self._stop.wait(LOOK_SECONDS):
                due = time.monotonic() >= beat_at
                try:
                    self.state = queue.keep_alive(*self._key) if due else queue.state_of(*self._key)
                    beat_at = time.monotonic() + BEAT_SECONDS if due else beat_at
                except DatabaseError as error:
                    logger.warning("No heartbeat: the database does not answer (%s).", first_line(error))
                    connection.close()
        finally:
            connection.close()


def write_config(job: Job) -> Path:
    """The file handed to the child: the row's config, with what an evaluation has finished already."""
    job.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = job.folder / "config.json"
    path.write_text(config_to_run(job).model_dump_json(indent=1))
    return path


def config_to_run(job: Job) -> JobConfig:
    """The row's config; an evaluation's with the problems whose samples are all stored. Raises ConfigError."""
    config = parse_config(job.config)
    if not isinstance(config, EvaluateConfig):
        return config
    points = [
        point.model_copy(update={"finished": finished_problems(point.evaluation, config.sampling.samples)})
        for point in config.points
    ]
    return config.model_copy(update={"points": tuple(points)})


def finished_problems(evaluation: str, samples: int) -> tuple[str, ...]:
    rows = Rollup.objects.filter(evaluation__reference=evaluation, level=1).values_list(
        "problem__slug", "n", "infrastructure"
    )
    return tuple(sorted(slug for slug, n, infrastructure in rows if n + infrastructure >= samples))


def _kind_and_sentence(error: Exception) -> tuple[str, str]:
    if isinstance(error, ComputeError):
        return error.kind, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "storage", f"The disk is full at {error.filename}: free some space and retry."
    return "internal", f"The worker could not run this job: {type(error).__name__}: {first_line(error)}"


def _how_it_died(status: int, memory_kills: int) -> str:
    if status >= 0:
        return f"The process ended with exit status {status} and did not say why; the log has its last words."
    name = signal.Signals(-status).name
    if -status != signal.SIGKILL:
        return f"The process was ended by {name} and did not say why; the log has its last words."
    if memory_kills > 0:
        return "The process was killed (SIGKILL) and the kernel counted an out-of-memory kill: it needed more memory."
    return "The process was killed (SIGKILL) from outside; if nobody did it, the machine probably ran out of memory."


def _after_cancel(status: int, otherwise: str) -> str:
    if status == -signal.SIGKILL:
        return f"The process {otherwise}."
    return "The process stopped when it was asked to, before it could acknowledge it."


def _out_of_memory_kills() -> int:
    """The kernel's count for this control group (or the machine); 0 where it does not say."""
    for path, word in ((Path("/sys/fs/cgroup/memory.events"), "oom_kill"), (Path("/proc/vmstat"), "oom_kill")):
        try:
            return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == word)
        except (OSError, StopIteration):
            continue
    return 0
