"""A worker that reports itself: a thread that keeps its row, so that pages know which queues are served and by which
devices. Knows nothing of jobs but which of them wait for it."""

import logging
import threading
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from compute import devices
from compute.errors import ConfigError
from frontier_app import live
from frontier_app.embedded.devices import QUEUE
from frontier_app.jobs.patience import first_line
from frontier_app.models import Job, Worker

REPORT_SECONDS = 15.0
FORGET = timedelta(days=1)
MOST_TOLD = 50
logger = logging.getLogger(__name__)


class Presence:
    """Reports until `stop`, which takes the row away. `name` is the worker's among all. A queue whose name no job can
    bear is left out."""

    def __init__(self, name: str, queues: list[str]) -> None:
        self._name, self._queues = name[:200], [queue for queue in queues if QUEUE.fullmatch(queue)]
        for queue in set(queues).difference(self._queues):
            logger.warning("No job can be sent to the queue %r: 16 small letters, digits and hyphens at most.", queue)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._report, name=f"presence of {name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=REPORT_SECONDS)

    def _report(self) -> None:
        told = False
        seen = self._devices()
        try:
            while True:
                try:
                    self._write(seen)
                    if not told:
                        tell_waiting_jobs(self._queues)
                        told = True
                except DatabaseError as error:
                    logger.warning("This worker is not seen: the database does not answer (%s).", first_line(error))
                    connection.close()
                if self._stop.wait(REPORT_SECONDS):
                    break
            Worker.objects.filter(name=self._name).delete()
        except DatabaseError:
            pass  # the row is given up for dead by itself
        finally:
            connection.close()

    def _devices(self) -> list[dict[str, object]]:
        try:
            return [device._asdict() for device in devices.seen()]
        except ConfigError as error:
            logger.error("%s", error)
            return []

    def _write(self, seen: list[dict[str, object]]) -> None:
        Worker.objects.update_or_create(
            name=self._name, defaults={"queues": self._queues, "devices": seen, "seen": Now()}
        )
        Worker.objects.filter(seen__lt=Now() - FORGET).delete()


def tell_waiting_jobs(queues: list[str]) -> None:
    """To the pages of jobs that said that nobody serves them."""
    waiting = Job.objects.filter(state=Job.QUEUED, queue__in=queues, remote=False).select_related("study")
    for job in waiting.order_by("pk")[:MOST_TOLD]:
        live.job_changed(job)
