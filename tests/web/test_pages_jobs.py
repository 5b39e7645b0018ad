"""One job's page: state, log, cancel and retry."""

import factories
import pytest

from frontier_app.jobs import queue
from frontier_app.models import Job
from frontier_app.numbers.explorer import standings
from frontier_app.numbers.placement import select

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    study = factories.study(problems=1)
    return factories.planned_evaluation(study, study.base, samples=2).job


def test_a_queued_job_is_cancelled_by_a_member(client_of, job):
    response = client_of(factories.bob()).post(f"/jobs/{job.reference}/cancel/")

    job.refresh_from_db()
    assert response.url == f"/jobs/{job.reference}/"
    assert job.state == Job.CANCELLED


def test_cancelling_what_has_ended_says_so(client_of, job):
    client = client_of(factories.bob())
    client.post(f"/jobs/{job.reference}/cancel/")

    page = client.post(f"/jobs/{job.reference}/cancel/", follow=True).content.decode()

    assert "there is nothing to cancel" in page


def test_a_retry_leads_to_the_new_row_and_the_old_one_points_at_it(client_of, job):
    client = client_of(factories.bob())
    client.post(f"/jobs/{job.reference}/cancel/")

    response = client.post(f"/jobs/{job.reference}/retry/")

    again = job.children.get()
    assert response.url == f"/jobs/{again.reference}/"
    old = client.get(f"/jobs/{job.reference}/").content.decode()
    assert again.reference in old
    assert ">Retry<" not in old


def test_getting_cancel_changes_nothing(client_of, job):
    assert client_of(factories.alice()).get(f"/jobs/{job.reference}/cancel/").status_code == 405


def test_a_failed_job_shows_its_sentence_and_what_to_do(client_of, job):
    held = queue.claim(job.reference, "worker")
    queue.finish(held.pk, held.token, Job.FAILED, error_kind="storage", error="The disk is full.")

    page = client_of(factories.alice()).get(f"/jobs/{job.reference}/").content.decode()

    assert "The disk is full." in page
    assert "Free some space on the disk" in page


def test_progress_is_shown_in_real_units(client_of, job):
    held = queue.claim(job.reference, "worker")
    Job.objects.filter(pk=held.pk).update(stage="a = 0.5", done=512, total=2048, unit="samples")

    part = client_of(factories.alice()).get(
        f"/jobs/{job.reference}/", headers={"HX-Request": "true", "HX-Target": "state"}
    )

    assert "512" in part.content.decode()
    assert "samples" in part.content.decode()
    assert "a = 0.5" in part.content.decode()


def test_the_log_is_the_end_of_the_file_and_escaped(client_of, job):
    job.log_path.parent.mkdir(parents=True, exist_ok=True)
    job.log_path.write_text("x" * 300_000 + "\n<script>alert(1)</script>\n")
    client = client_of(factories.alice())

    text = client.get(f"/jobs/{job.reference}/log/")

    assert text.content == b"<script>alert(1)</script>\n"
    assert text.headers["Content-Type"].startswith("text/plain")
    assert "<script>alert(1)" not in client.get(f"/jobs/{job.reference}/").content.decode()


def test_without_a_file_the_row_keeps_the_tail(client_of, job):
    Job.objects.filter(pk=job.pk).update(log_tail="the last line\n")

    assert client_of(factories.alice()).get(f"/jobs/{job.reference}/log/").content == b"the last line\n"


def test_an_evaluation_has_its_rates_and_a_link_to_its_alpha(client_of):
    measured = factories.measured_study(problems=4, samples=4, alphas=(0.0, 0.5, 1.0))
    middle = measured.evaluations[1]
    solved = standings(measured.study, select(measured.study, {}))[1].rates["solved"]

    page = client_of(factories.alice()).get(f"/jobs/{middle.job.reference}/").content.decode()

    assert f'href="{measured.study.get_absolute_url()}?a=0.5"' in page
    assert f'hard: solved <span class="rate">{solved.rate:.3f}' in page


def test_what_became_of_a_request_is_said_by_the_state_and_not_by_a_message_that_stays(client_of, job):
    client = client_of(factories.bob())
    queue.claim(job.reference, "worker")

    page = client.post(f"/jobs/{job.reference}/cancel/", follow=True).content.decode()
    assert "Asked to stop" in page

    Job.objects.filter(pk=job.pk).update(state=Job.CANCELLED)
    assert "Asked to stop" not in client.get(f"/jobs/{job.reference}/").content.decode()
    again = client.post(f"/jobs/{job.reference}/retry/", follow=True).content.decode()
    assert "A new try of" in again


def test_running_jobs_come_first_then_the_queue_in_its_order_then_what_ended(client_of):
    study = factories.study(problems=1)
    titles = ("first to end", "last to end", "waiting", "next", "running")
    ended, later, waiting, following, running = (factories.queued(study, title=title) for title in titles)
    waiting.needs.add(running)
    for one in (ended, later):
        held = queue.claim(one.reference, "worker")
        queue.finish(held.pk, held.token, Job.FAILED, error_kind="storage", error="The disk is full.")
    queue.claim(running.reference, "worker")

    rows = client_of(factories.alice()).get("/jobs/").context["slice"].rows

    assert [row for row in rows if row.study_id == study.pk][:5] == [running, following, waiting, later, ended]
