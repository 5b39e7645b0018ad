"""Each arrow of a job's state happens once, for whoever holds the token."""

from datetime import timedelta

import factories
import pytest
from django.utils import timezone

from compute.events import Finished
from frontier_app.jobs import queue
from frontier_app.models import Evaluation, Job

pytestmark = pytest.mark.django_db


def let_lease_run_out(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def state(job: Job) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)


def test_a_job_offered_twice_is_claimed_once() -> None:
    job = factories.queued()
    first, second = queue.claim(job.reference, "one"), queue.claim(job.reference, "two")
    assert first is not None
    assert second is None
    assert (first.state, first.worker, first.token) == (Job.RUNNING, "one", 1)


def test_a_job_is_not_claimed_before_what_it_needs_has_succeeded() -> None:
    first = factories.queued()
    second = factories.queued(needs=[first])
    assert queue.claim(second.reference, "one") is None
    factories.tell(factories.hold(first), Finished())
    assert queue.claim(second.reference, "one") is not None


def test_a_remote_job_is_not_for_local_workers() -> None:
    job = factories.queued(remote=True)
    assert queue.claim(job.reference, "a local worker") is None
    assert queue.claim(job.reference, "a remote run", remote=True) is not None


def test_only_the_holder_of_the_token_moves_a_job() -> None:
    held = factories.hold(factories.queued())
    stale = held.token - 1
    assert queue.keep_alive(held.pk, stale) is None
    assert not queue.finish(held.pk, stale, Job.SUCCEEDED)
    assert not queue.release(held.pk, stale)
    assert queue.keep_alive(held.pk, held.token) == Job.RUNNING
    assert queue.finish(held.pk, held.token, Job.SUCCEEDED)
    assert not queue.finish(held.pk, held.token, Job.FAILED)
    assert state(held) == Job.SUCCEEDED


def test_a_heartbeat_extends_the_lease() -> None:
    held = factories.hold(factories.queued())
    let_lease_run_out(held)
    assert queue.keep_alive(held.pk, held.token) == Job.RUNNING
    assert queue.lose_expired() == []


def test_a_dead_workers_job_is_lost_and_retried_once_as_a_new_row() -> None:
    study = factories.study()
    evaluation = factories.planned_evaluation(study, study.base)
    waiting = factories.queued(study, needs=[evaluation.job])
    held = factories.hold(evaluation.job, "host (1)")
    let_lease_run_out(held)
    tending = queue.tend()
    held.refresh_from_db()
    assert (held.state, held.error_kind) == (Job.LOST, "lost")
    assert held.error.startswith("The worker host (1) stopped reporting; it was last heard of at ")
    (again,) = tending.retried
    assert (again.parent, again.attempt, again.state, again.config) == (held, 2, Job.QUEUED, held.config)
    evaluation.refresh_from_db()
    assert evaluation.job == again
    assert list(waiting.needs.all()) == [again]
    let_lease_run_out(factories.hold(again))
    assert queue.tend().retried == []
    assert state(again) == Job.LOST
    assert waiting not in Job.objects.ready()


def test_a_worker_that_comes_back_from_the_dead_has_no_say() -> None:
    held = factories.hold(factories.queued())
    let_lease_run_out(held)
    queue.tend()
    assert queue.keep_alive(held.pk, held.token) is None
    assert not queue.finish(held.pk, held.token, Job.SUCCEEDED)
    assert state(held) == Job.LOST


def test_a_lost_job_that_was_to_be_cancelled_is_not_tried_again() -> None:
    held = factories.hold(factories.queued())
    assert queue.cancel(held.pk) == Job.CANCELLING
    let_lease_run_out(held)
    tending = queue.tend()
    assert (len(tending.lost), tending.retried) == (1, [])


def test_a_released_job_waits_again_and_has_lost_no_attempt() -> None:
    held = factories.hold(factories.queued())
    assert queue.release(held.pk, held.token)
    again = factories.hold(held)
    assert (again.attempt, again.last_sequence) == (1, -1)
    assert again.token > held.token


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked() -> None:
    waiting, held = factories.queued(), factories.hold(factories.queued())
    assert queue.cancel(waiting.pk) == Job.CANCELLED
    assert queue.cancel(held.pk) == Job.CANCELLING
    assert queue.cancel(held.pk) is None
    assert queue.keep_alive(held.pk, held.token) == Job.CANCELLING
    assert queue.claim(waiting.reference, "one") is None


def test_a_job_is_retried_by_hand_once_and_starts_counting_anew() -> None:
    held = factories.hold(factories.queued())
    assert queue.retry(held) is None
    queue.finish(held.pk, held.token, Job.FAILED, error_kind="engine", error="No.")
    again = queue.retry(held, launched_by=factories.bob())
    assert again is not None
    assert (again.attempt, again.launched_by, again.parent) == (1, factories.bob(), held)
    assert queue.retry(held) is None


def test_what_was_half_measured_by_a_lost_job_is_planned_again() -> None:
    study = factories.study()
    evaluation = factories.planned_evaluation(study, study.base)
    held = factories.hold(evaluation.job)
    factories.tell(held, factories.sample_event(evaluation, "000-squares", 10, 2))
    let_lease_run_out(held)
    queue.tend()
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.samples_done) == (Evaluation.PLANNED, 2)


def test_the_queue_position_counts_from_the_oldest() -> None:
    first, second = factories.queued(), factories.queued()
    other = factories.queued(queue="gpu")
    assert [job.queue_position() for job in (first, second, other)] == [1, 2, 1]
    elsewhere, third = factories.queued(remote=True), factories.queued()
    assert [job.queue_position() for job in (elsewhere, third)] == [None, 3]
    listed = {job.pk: job.position for job in Job.objects.for_lists()}
    assert listed == {first.pk: 1, second.pk: 2, other.pk: 1, elsewhere.pk: None, third.pk: 3}
    assert factories.hold(first).queue_position() is None
    assert second.queue_position() == 1


@pytest.mark.django_db(transaction=True)
def test_jobs_are_rung_for_once_when_they_become_ready() -> None:
    first = factories.queued()
    second = factories.queued(needs=[first])
    assert rung() == {first.pk}
    assert queue.dispatch_ready() == []
    factories.tell(factories.hold(first), Finished())
    assert rung() == {first.pk, second.pk}


@pytest.mark.django_db(transaction=True)
def test_a_lost_message_is_sent_again_and_a_waiting_one_is_not() -> None:
    job = factories.queued(queue="cpu")
    Job.objects.update(dispatched=timezone.now() - timedelta(minutes=5))
    assert queue.ring_again() == []
    with queue._broker() as broker:
        broker.default_channel.queue_purge("cpu")
    assert queue.ring_again() == [job]
    assert queue.ring_again() == []


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_leaves_jobs_for_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    address = queue.app.conf.broker_url
    monkeypatch.setattr(queue.app.conf, "broker_url", "redis+socket:///nowhere.sock")
    job = factories.queued()
    assert rung() == set()
    monkeypatch.setattr(queue.app.conf, "broker_url", address)
    assert queue.tend().dispatched == [job]


def rung() -> set[int]:
    return set(Job.objects.filter(dispatched__isnull=False).values_list("pk", flat=True))


@pytest.fixture(autouse=True)
def _empty_queues(services: object) -> None:
    with queue._broker() as broker:
        for name in ("cpu", "gpu"):
            broker.default_channel.queue_delete(name)
