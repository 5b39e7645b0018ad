"""What Celery calls: run the job that a message names, and look after the queue every few seconds."""

import os
import socket

from celery import shared_task
from celery.worker import state as worker_state

from frontier_app import live
from frontier_app.jobs import process, queue
from frontier_app.jobs.patience import patiently


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


def worker_must_stop() -> bool:
    """Whether this worker was asked to shut down. A job may run for hours, so it is handed back instead of finished."""
    asked = (worker_state.should_stop, worker_state.should_terminate)
    return any(flag is not None and flag is not False for flag in asked)  # Celery keeps an exit status there: 0 counts
