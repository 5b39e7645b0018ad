"""What a job used: readings become a bounded row, and the job's page says them in words."""

from datetime import timedelta
from itertools import pairwise

import factories
import pytest

from compute.events import DeviceUsage, Finished, Started, Usage
from frontier_app.jobs import queue
from frontier_app.models import Job, JobUsage
from frontier_app.numbers.usage import usage_of

pytestmark = pytest.mark.django_db
GIB = 1 << 30


def reading(seconds: float, utilisation: float | None = 0.5, used: int = GIB, **sums: float) -> Usage:
    device = DeviceUsage(name="NVIDIA H100", memory_bytes=80 * GIB, used_bytes=used, utilisation=utilisation)
    return Usage(seconds=seconds, devices=(device, device), **sums)


@pytest.fixture
def job() -> Job:
    study = factories.study(problems=1)
    return factories.hold(factories.planned_evaluation(study, study.base, samples=2).job)


def page_of(client_of, job: Job) -> str:
    return client_of(factories.alice()).get(f"/jobs/{job.reference}/").content.decode()


def test_readings_of_a_long_job_stay_few_and_cover_all_of_it(job: Job) -> None:
    total = 5000
    for start in range(0, total, 500):
        factories.tell(job, *[reading(5.0 * n, (n % 2) / 1, used=n) for n in range(start, start + 500)])
    row = JobUsage.objects.get()
    points = row.series()
    assert len(points) <= JobUsage.MOST_POINTS
    assert sum(point.readings for point in points) == total
    assert {point.readings for point in points[:-1]} == {row.readings}
    assert points[-1].seconds == 5.0 * (total - 1)
    gaps = {round(later.seconds - one.seconds, 3) for one, later in pairwise(points[:-1])}
    assert len(gaps) == 1
    assert all(point.utilisation == 0.5 for point in points[:-1])
    assert usage_of(job).peak_bytes == 2 * (total - 1)


def test_a_second_attempt_begins_its_readings_anew(job: Job) -> None:
    factories.tell(job, reading(500.0))
    queue.release(job.pk, job.token)
    again = factories.hold(Job.objects.get(pk=job.pk))
    factories.tell(again, Started(kind="evaluate", pid=1), reading(3.0))
    assert [point.seconds for point in JobUsage.objects.get().series()] == [3.0]


def test_a_running_job_shows_device_memory_utilisation_tokens_and_time(client_of, job: Job) -> None:
    factories.tell(
        job,
        reading(5.0, 0.25, used=2 * GIB, tokens=100, generation_seconds=2.0),
        reading(10.0, 0.75, used=GIB, tokens=900, generation_seconds=4.0, judging_seconds=2.0, learning_seconds=1.0),
    )
    page = page_of(client_of, job)
    assert "2 × NVIDIA H100" in page
    assert "2.0 GiB" not in page  # that of one device
    assert "memory now, at most 4 GiB" in page
    assert "2 GiB <em>of 160 GiB</em>" in page
    assert "utilisation, mean 50 %" in page
    assert 'aria-label="utilisation over 5.0 s: from 25 % to 75 %, 75 % at the end"' in page
    assert "<title>utilisation over 5.0 s" in page
    assert "225 <em>900 in all</em>" in page
    assert 'aria-label="generation 40 %, judging 20 %, learning 10 %, the rest 30 %"' in page


def test_parts_that_ran_side_by_side_are_shares_of_their_sum(client_of, job: Job) -> None:
    factories.tell(job, reading(10.0, generation_seconds=9.0, judging_seconds=6.0))
    assert [(part.name, round(part.share, 2)) for part in usage_of(job).parts] == [
        ("generation", 0.6),
        ("judging", 0.4),
    ]
    assert ">side by side<" in page_of(client_of, job)


def test_a_device_that_tells_no_utilisation_is_a_dash(client_of, job: Job) -> None:
    factories.tell(job, reading(5.0, None))
    assert "utilisation, mean —" in page_of(client_of, job)


def test_the_time_taken_is_held_against_the_estimate(client_of, job: Job) -> None:
    problems = job.study.held_out_set.problems.all()
    answers = [factories.sample_event(job.evaluations.get(), one.slug, len(one.tests), 2) for one in problems]
    factories.tell(job, reading(5.0), *answers, Finished())
    ended = Job.objects.get(pk=job.pk).ended
    Job.objects.filter(pk=job.pk).update(cost_estimate_seconds=100, started=ended - timedelta(seconds=150))
    page = page_of(client_of, job)
    assert "2 min <em>2 min 30 s, × 1.5</em>" in page


def test_a_job_without_readings_says_so_in_each_state(client_of) -> None:
    study = factories.study(problems=1)
    job = factories.planned_evaluation(study, study.base, samples=2).job
    assert "is shown once it runs" in page_of(client_of, job)
    held = factories.hold(job)
    assert "The first reading comes a few seconds after the start" in page_of(client_of, job)
    factories.tell(held, Finished())
    assert "reported nothing about the devices" in page_of(client_of, job)


def test_a_light_job_has_no_such_card(client_of) -> None:
    job = factories.queued(factories.study(problems=1))
    assert 'id="usage"' not in page_of(client_of, job)
