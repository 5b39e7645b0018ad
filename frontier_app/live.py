"""Notices to open pages: after a commit, a few words about what changed, through the channel layer.

A notice is a hint, never data of record: pages read rows again. So sending never blocks and never fails whoever
changed the rows; with the channel layer away, notices are dropped and the log says so once a minute.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import partial

from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from frontier_app.models import Evaluation, Job

HOME = "home"
RIGHTS = "rights"
SEND_SECONDS = 5.0
MOST_PENDING = 1_000
COMPLAIN_SECONDS = 60.0
logger = logging.getLogger(__name__)


def notify(topic: str, what: str, data: dict[str, object]) -> None:
    """Tell the pages that follow `topic` (`study:SLUG`, `job:REFERENCE`, `home`) once the transaction is committed."""
    transaction.on_commit(partial(_postman.post, topic, what, data))


def job_changed(job: Job, *, progress_only: bool = False) -> None:
    """To the job's own page, its study's pages and home: where it stands now."""
    data: dict[str, object] = {
        "reference": job.reference,
        "study": job.study.slug if job.study else None,
        "kind": job.kind,
        "title": job.title,
        "state": job.state,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "attempt": job.attempt,
        "progress_only": progress_only,
    }
    notify(f"job:{job.reference}", "job", data)
    notify(f"study:{job.study.slug}" if job.study else HOME, "job", data)


def evaluation_changed(evaluation: Evaluation, study_slug: str) -> None:
    data: dict[str, object] = {
        "reference": evaluation.reference,
        "checkpoint": evaluation.checkpoint_id,
        "path": evaluation.path_id,
        "alpha": evaluation.alpha,
        "state": evaluation.state,
        "samples_done": evaluation.samples_done,
        "version": evaluation.version,
    }
    notify(f"study:{study_slug}", "evaluation", data)


def rights_changed(study_slug: str) -> None:
    """To the sockets that follow the study: look up again who may. No page hears of it."""
    notify(f"study:{study_slug}", RIGHTS, {})


def comments_changed(study_slug: str) -> None:
    notify(f"study:{study_slug}", "comment", {})


def group_of(topic: str) -> str:
    """The channel layer's name for a topic."""
    return "live." + topic.replace(":", ".")


def flush(timeout: float = SEND_SECONDS) -> None:
    """Wait until the notices posted so far are sent or given up: for commands that are about to exit, and for tests."""
    _postman.flush(timeout)


class Postman:
    """One thread with one event loop a process, so that a notice costs no connection of its own and no waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: set[Future[None]] = set()
        self._complained = -COMPLAIN_SECONDS

    def post(self, topic: str, what: str, data: dict[str, object]) -> None:
        if get_channel_layer() is None or len(self._pending) >= MOST_PENDING:
            return
        message: dict[str, object] = {"type": "live.message", "topic": topic, "what": what, "data": data}
        future = self._submit(self._send(group_of(topic), message))
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def flush(self, timeout: float) -> None:
        ends = time.monotonic() + timeout
        while self._pending and time.monotonic() < ends:
            time.sleep(0.005)

    def _submit(self, coroutine: Coroutine[None, None, None]) -> "Future[None]":
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="notices", daemon=True).start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _send(self, group: str, message: dict[str, object]) -> None:
        try:
            await asyncio.wait_for(get_channel_layer().group_send(group, message), SEND_SECONDS)
        except (OSError, TimeoutError, RedisError) as error:
            if time.monotonic() - self._complained >= COMPLAIN_SECONDS:
                self._complained = time.monotonic()
                logger.warning("Open pages get no notices: the channel layer does not answer (%s).", error)


_postman = Postman()
