"""The Celery application: queues, the clock, and nothing about jobs.

Messages only say that a row deserves a look; the row decides. So a message is acknowledged before it is worked on, lost
messages are sent again by `tend_queue`, and results are not stored. `tend_queue` has a queue and a worker of its own:
jobs keep the other workers busy for minutes.

    celery -A frontier_app worker --pool=solo -Q cpu      one process a slot
    celery -A frontier_app worker --pool=solo -Q gpu      one process a device, CUDA_VISIBLE_DEVICES naming it
    celery -A frontier_app worker --pool=solo -Q tend     one
    celery -A frontier_app beat                           one

A worker may name any queue (`-Q h100`): it reports itself and its devices (`frontier_app.jobs.presence`), and from then
on jobs can be launched for that queue.
"""

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frontier_app.settings")

from django.conf import settings

TEND_SECONDS = 5.0

app = Celery("frontier_app")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    imports=["frontier_app.jobs.tasks"],
    task_queues=[Queue(name) for name in ("cpu", *settings.FRONTIER_QUEUES, "tend")],
    task_default_queue="cpu",
    task_routes={"frontier_app.jobs.tasks.tend_queue": {"queue": "tend"}},
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    timezone="UTC",
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        "tend_queue": {
            "task": "frontier_app.jobs.tasks.tend_queue",
            "schedule": TEND_SECONDS,
            "options": {"expires": 2 * TEND_SECONDS, "queue": "tend"},
        }
    },
)
