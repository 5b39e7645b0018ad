"""One job's page: state, log, cancel and retry."""

import factories
import pytest

from frontier_app.jobs import queue
from frontier_app.models import Job

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
