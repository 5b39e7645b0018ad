"""What Celery calls: run the job that a message names, and look after the queue every few seconds."""

import os
import socket
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state as worker_state

from frontier_app import live
from frontier_app.jobs import process, queue
from frontier_app.jobs.patience import patiently
from frontier_app.jobs.presence import Presence


@shared_task(name=queue.RUN_JOB, ignore_result=True)
def run_job(reference: str) -> None:
    """Run the job if nobody else has it. A message that comes twice, or late, finds nothing to claim."""
    worker = f"{socket.gethostname()} ({os.getpid()})"
    job = patiently(lambda: queue.claim(reference, worker))
    if job is not None:
        process.run(job, stopping=worker_must_stop)


@shared_task(name="frontier_app.jobs.tasks.tend_queue", ignore_result=True)
def tend_queue() -> None:
    """Give up jobs whose worker died, try them once more, ring for what is ready."""
    tending = queue.tend()
    for job in (*tending.lost, *tending.retried):
        job.refresh_from_db()
        live.job_changed(job)


_presences: list[Presence] = []


@worker_ready.connect
def begin_to_report(sender: Any, **_: object) -> None:
    """From now on this worker is known by its queues and devices. The one that tends the queue takes no jobs."""
    queues = [name for name in sender.app.amqp.queues.consume_from if name != "tend"]
    if queues:
        _presences.append(Presence(sender.hostname, queues))


@worker_shutting_down.connect
def report_no_more(**_: object) -> None:
    while _presences:
        _presences.pop().stop()


def worker_must_stop() -> bool:
    """Whether this worker was asked to shut down. A job may run for hours, so it is handed back instead of finished."""
    asked = (worker_state.should_stop, worker_state.should_terminate)
    return any(flag is not None and flag is not False for flag in asked)  # Celery keeps an exit status there: 0 counts
