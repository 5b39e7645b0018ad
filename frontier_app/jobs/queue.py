"""Every arrow of a job's state, one compare-and-set each.

The row is the truth and the broker only a doorbell: a message names a job that deserves a look, and `claim` decides.
Whoever claims gets a token; each later change names it, so that a worker which was given up for lost can change
nothing when it comes back. Starts no process and sends no notice to pages (callers do, see `frontier_app.live`).
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu import Connection
from kombu.exceptions import ChannelError, OperationalError

from compute.configs import JobConfig
from frontier_app.celery import app
from frontier_app.models import LEASE, Checkpoint, Evaluation, Job, Run, Study

STALE_MESSAGE = timedelta(seconds=20)
RUN_JOB = "frontier_app.jobs.tasks.run_job"
BROKER_ERRORS = (OperationalError, OSError)
HELD = (Job.RUNNING, Job.CANCELLING)
logger = logging.getLogger(__name__)


class Tending(NamedTuple):
    """What one round of `tend` changed, for notices."""

    lost: list[Job]
    retried: list[Job]
    dispatched: list[Job]


def new_reference(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(4)}"


def enqueue(
    config: JobConfig,
    *,
    title: str,
    study: Study | None = None,
    queue: str = "cpu",
    needs: Iterable[Job] = (),
    launched_by: User | None = None,
    estimate_seconds: float | None = None,
    remote: bool = False,
) -> Job:
    """Write a job's row and, once the surrounding transaction is committed, ring for it if nothing holds it back."""
    job = Job.objects.create(
        reference=new_reference(config.kind),
        study=study,
        kind=config.kind,
        title=title,
        queue=queue,
        config=config.model_dump(mode="json"),
        launched_by=launched_by,
        cost_estimate_seconds=estimate_seconds,
        remote=remote,
        max_attempts=attempts(remote),
    )
    job.needs.set(needs)
    transaction.on_commit(dispatch_ready)
    return job


def attempts(remote: bool) -> int:
    """A lost job is tried once more by the workers here; elsewhere somebody starts it."""
    return 1 if remote else 2


def dispatch_ready() -> list[Job]:
    """Ring once for every ready job that nobody has rung for, oldest first. A dead broker leaves the rest for later."""
    rung = []
    for job in Job.objects.ready().filter(dispatched=None, remote=False).order_by("pk"):
        if Job.objects.filter(pk=job.pk, state=Job.QUEUED, dispatched=None).update(dispatched=Now()):
            if not _ring(job):
                Job.objects.filter(pk=job.pk, state=Job.QUEUED).update(dispatched=None)
                break
            rung.append(job)
    return rung


def _ring(job: Job) -> bool:
    try:
        with _broker() as broker:
            app.send_task(
                RUN_JOB, args=[job.reference], queue=job.queue, connection=broker, retry=False, ignore_result=True
            )
    except BROKER_ERRORS as error:
        logger.warning("The broker does not answer (%s); %s stays queued and is offered again.", error, job.reference)
        return False
    return True


def ring_again() -> list[Job]:
    """Send messages again that a broker has lost: when a queue holds fewer of them than rows that wait in it."""
    rung: list[Job] = []
    waiting = Job.objects.ready().filter(dispatched__isnull=False, remote=False)
    for queue in waiting.order_by().values_list("queue", flat=True).distinct():
        stale = waiting.filter(queue=queue, dispatched__lt=Now() - STALE_MESSAGE).order_by("pk")
        if not stale.exists():
            continue
        messages = _messages_in(queue)
        if messages is not None and messages < waiting.filter(queue=queue).count():
            rung += [job for job in stale if _ring(job)]
            Job.objects.filter(pk__in=[job.pk for job in rung], state=Job.QUEUED).update(dispatched=Now())
    return rung


def _messages_in(queue: str) -> int | None:
    """How many messages wait in the broker's queue; None when it does not answer."""
    try:
        with _broker() as broker:
            return int(broker.default_channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:  # no such queue: nothing waits in it
        return 0
    except BROKER_ERRORS:
        return None


def _broker() -> Connection:
    """A connection that gives up at once: a page must not wait for a broker that is away, `tend` asks again soon."""
    return app.connection_for_write(transport_options={"max_retries": 0, "interval_start": 0, "interval_step": 0})


def claim(reference: str, worker: str, remote: bool = False) -> Job | None:
    """queued -> running for one of those who ask, with a fresh token and lease; None for all others."""
    with transaction.atomic():
        mine = (
            Job.objects.ready()
            .filter(reference=reference, remote=remote)
            .update(
                state=Job.RUNNING,
                token=F("token") + 1,
                worker=worker[:120],
                started=Now(),
                heartbeat=Now(),
                lease_until=Now() + LEASE,
                last_sequence=-1,
                stage="",
                done=0,
                total=0,
                unit="",
            )
        )
        return Job.objects.select_related("study").get(reference=reference) if mine else None


def keep_alive(pk: int, token: int) -> str | None:
    """Extend the lease. Returns the state (running or cancelling), or None when the token has no say any more."""
    held = Job.objects.filter(pk=pk, token=token, state__in=HELD)
    return state_of(pk, token) if held.update(heartbeat=Now(), lease_until=Now() + LEASE) else None


def state_of(pk: int, token: int) -> str | None:
    return Job.objects.filter(pk=pk, token=token, state__in=HELD).values_list("state", flat=True).first()


def finish(
    pk: int,
    token: int,
    state: str,
    *,
    error_kind: str = "",
    error: str = "",
    summary: Mapping[str, object] | None = None,
) -> bool:
    """running | cancelling -> an end, and ring for what waited for it. False when the token has no say any more."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=pk, token=token, state__in=HELD).update(
            state=state,
            ended=Now(),
            lease_until=None,
            error_kind=error_kind[:32],
            error=error,
            summary=dict(summary or {}),
        )
        if not changed:
            return False
        if state == Job.SUCCEEDED:
            transaction.on_commit(dispatch_ready)
        else:
            _pause_evaluations(pk)
        return True


def release(pk: int, token: int) -> bool:
    """running -> queued: the worker is told to stop and hands its job back, which costs no attempt."""
    with transaction.atomic():
        back = Job.objects.filter(pk=pk, token=token, state=Job.RUNNING).update(
            state=Job.QUEUED, token=F("token") + 1, worker="", lease_until=None, started=None, dispatched=None
        )
        if back:
            _pause_evaluations(pk)
        return bool(back)


def send_elsewhere(pk: int) -> bool:
    """A queued job waits for a run elsewhere from now on. False when it has begun, or waits for one already."""
    return bool(
        Job.objects.filter(pk=pk, state=Job.QUEUED, remote=False).update(remote=True, max_attempts=attempts(True))
    )


def take_back(pk: int) -> bool:
    """A queued job that waited for a run elsewhere is for workers here again. False when somebody has claimed it."""
    with transaction.atomic():
        waiting = Job.objects.filter(pk=pk, state=Job.QUEUED, remote=True)
        changed = waiting.update(remote=False, max_attempts=attempts(False), dispatched=None)
        transaction.on_commit(dispatch_ready)
        return bool(changed)


def cancel(pk: int) -> str | None:
    """queued -> cancelled, or running -> cancelling. Returns the new state; None when there is nothing to cancel."""
    with transaction.atomic():
        if Job.objects.filter(pk=pk, state=Job.QUEUED).update(state=Job.CANCELLED, token=F("token") + 1, ended=Now()):
            return Job.CANCELLED
        if Job.objects.filter(pk=pk, state=Job.RUNNING).update(state=Job.CANCELLING):
            return Job.CANCELLING
        return None


def lose_expired() -> list[Job]:
    """running | cancelling -> lost wherever a lease has run out."""
    lost = []
    for job in Job.objects.expired():
        seen = f"{job.heartbeat:%H:%M:%S} UTC" if job.heartbeat else "its start"
        with transaction.atomic():
            changed = (
                Job.objects.expired()
                .filter(pk=job.pk, token=job.token)
                .update(
                    state=Job.LOST,
                    token=F("token") + 1,
                    ended=Now(),
                    lease_until=None,
                    error_kind="lost",
                    error=f"The worker {job.worker} stopped reporting; it was last heard of at {seen}.",
                )
            )
            if changed:
                _pause_evaluations(job.pk)
                lost.append(job)
    return lost


def retry(job: Job, *, automatic: bool = False, launched_by: User | None = None) -> Job | None:
    """A new row that tries an ended job again and takes its place in every need. None when it has been done already.

    An automatic retry counts as a further attempt; a person's starts counting anew.
    """
    with transaction.atomic():
        ended = Job.objects.select_for_update().get(pk=job.pk)
        if ended.state not in (Job.FAILED, Job.CANCELLED, Job.LOST) or ended.children.exists():
            return None
        again = Job.objects.create(
            reference=new_reference(ended.kind),
            study_id=ended.study_id,
            kind=ended.kind,
            title=ended.title,
            queue=ended.queue,
            config=ended.config,
            attempt=ended.attempt + 1 if automatic else 1,
            max_attempts=ended.max_attempts,
            remote=ended.remote,
            parent=ended,
            launched_by=launched_by or ended.launched_by,
            cost_estimate_seconds=ended.cost_estimate_seconds,
        )
        again.needs.set(ended.needs.all())
        Job.needs.through.objects.filter(to_job=ended).update(to_job=again)
        for rows in (Evaluation, Run):
            rows.objects.filter(job=ended).update(job=again)
        Checkpoint.objects.filter(made_by=ended).update(made_by=again)
        transaction.on_commit(dispatch_ready)
        return again


def tend() -> Tending:
    """One round of care: give up the dead, try them once more, ring for what is ready. Safe to run anywhere, often."""
    lost = lose_expired()
    again = [retry(job, automatic=True) for job in lost if job.state == Job.RUNNING and job.attempt < job.max_attempts]
    return Tending(lost, [job for job in again if job], dispatch_ready() + ring_again())


def _pause_evaluations(pk: int) -> None:
    """What an interrupted job was measuring waits again; its samples stay."""
    Evaluation.objects.filter(job=pk, state=Evaluation.RUNNING).update(state=Evaluation.PLANNED)
