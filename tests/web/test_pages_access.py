"""Who may open which page, and what a share link shows."""

from datetime import timedelta

import factories
import pytest
from django.utils import timezone

from frontier_app.models import Job, ShareLink

pytestmark = pytest.mark.django_db

READING = ("", "problems/", "audit/", "geometry/", "runs/", "checkpoints/")
VIEWED = {"study": "", "problems": "problems/", "audit": "audit/", "runs": "runs/", "checkpoints": "checkpoints/"}
FORMS = ("sweep", "train", "merge", "geometry", "evaluate", "import", "audit")
MEMBERS = ("jobs/", *(f"launch/{form}/" for form in FORMS))


@pytest.fixture
def study():
    return factories.measured_study(problems=2, samples=2, alphas=(0.0, 1.0)).study


def test_owner_and_member_open_every_page_of_a_study(client_of, study):
    for person in (factories.alice(), factories.bob()):
        opened = {
            page: client_of(person).get(f"/studies/{study.slug}/{page}").status_code for page in READING + MEMBERS
        }
        assert set(opened.values()) == {200}, opened


def test_a_study_does_not_exist_for_a_stranger(client_of, study):
    for page in (*READING, *MEMBERS, "sharing/"):
        assert client_of(factories.charlie()).get(f"/studies/{study.slug}/{page}").status_code == 404


def test_nobody_is_sent_to_the_login_page_and_back(client_of, study):
    for page in (*READING, *MEMBERS, "sharing/"):
        address = f"/studies/{study.slug}/{page}"
        response = client_of(None).get(address)
        assert (response.status_code, response.url) == (302, f"/login/?next={address}")


def test_a_part_asked_by_htmx_sends_nobody_to_the_login_page(client_of, study):
    response = client_of(None).get(f"/studies/{study.slug}/runs/", headers={"HX-Request": "true"})

    assert response.status_code == 403
    assert response.headers["HX-Redirect"] == "/login/"


def test_jobs_of_a_study_are_not_shown_to_a_stranger(client_of, study):
    job = Job.objects.filter(study=study).first()
    stranger = client_of(factories.charlie())

    assert stranger.get(f"/jobs/{job.reference}/").status_code == 404
    assert stranger.get(f"/jobs/{job.reference}/log/").status_code == 404
    assert stranger.post(f"/jobs/{job.reference}/cancel/").status_code == 404
    assert job.title not in stranger.get("/jobs/").content.decode()


def test_only_an_owner_shares(client_of, study):
    assert client_of(factories.alice()).get(f"/studies/{study.slug}/sharing/").status_code == 200
    assert client_of(factories.bob()).get(f"/studies/{study.slug}/sharing/").status_code == 403


def test_a_share_link_opens_its_view_and_nothing_else(client_of, study):
    for view, page in VIEWED.items():
        client = client_of(None)
        address = f"/studies/{study.slug}/{page}"
        assert client.get(f"/share/{factories.link(study, view=view).token}/").url == address
        assert client.get(address).status_code == 200
        for other in {*READING, *MEMBERS, "sharing/"} - {page}:
            assert client.get(f"/studies/{study.slug}/{other}").status_code == 404, (view, other)
        assert client.post(address).status_code == 405
        assert client.post(f"/studies/{study.slug}/launch/sweep/").status_code == 404
        assert "Launch" not in client.get(address).content.decode()


def test_a_stranger_with_a_share_link_reads_its_view_alone(client_of, study):
    client = client_of(factories.charlie())
    client.get(f"/share/{factories.link(study, view='runs').token}/")

    assert client.get(f"/studies/{study.slug}/runs/").status_code == 200
    assert client.get(f"/studies/{study.slug}/").status_code == 404
    assert client.get(f"/studies/{study.slug}/launch/sweep/").status_code == 404


def test_a_revoked_link_closes_for_those_who_opened_it_before(client_of, study):
    link, reader, owner = factories.link(study), client_of(None), client_of(factories.alice())
    reader.get(f"/share/{link.token}/")
    assert reader.get(f"/studies/{study.slug}/explorer.json").status_code == 200

    owner.post(f"/studies/{study.slug}/sharing/{link.pk}/revoke/")

    assert reader.get(f"/studies/{study.slug}/").status_code == 302
    assert reader.get(f"/studies/{study.slug}/explorer.json").status_code == 302
    assert reader.get(f"/share/{link.token}/").status_code == 404
    assert reader.get(f"/share/{link.token}/embed/").status_code == 404
    assert reader.get(f"/studies/{study.slug}/?share={link.token}").status_code == 302


def test_an_expired_link_does_not_open(client_of, study):
    link = factories.link(study)
    ShareLink.objects.update(expires=timezone.now() - timedelta(seconds=1))

    assert client_of(None).get(f"/share/{link.token}/").status_code == 404


def test_a_link_of_one_study_opens_no_other(client_of, study):
    other = factories.empty_study("other")
    client = client_of(None)
    client.get(f"/share/{factories.link(study).token}/")

    assert client.get(f"/studies/{other.slug}/").status_code == 302


def test_an_owner_makes_a_link_that_expires(client_of, study):
    client_of(factories.alice()).post(f"/studies/{study.slug}/sharing/", {"days": "7", "allow_programs": "on"})

    link = ShareLink.objects.get()
    assert link.allow_programs
    assert timedelta(days=6.9) < link.expires - timezone.now() <= timedelta(days=7)


def test_pages_for_what_is_not_there_say_what_to_do(client_of):
    response = client_of(factories.alice()).get("/studies/nothing/")

    assert response.status_code == 404
    assert "To your studies" in response.content.decode()


def test_no_page_holds_an_inline_script(client_of, study):
    client = client_of(factories.alice())
    for page in ("/", "/jobs/", *(f"/studies/{study.slug}/{page}" for page in READING + MEMBERS)):
        for script in client.get(page).content.decode().split("<script")[1:]:
            tag = script.partition(">")[0]
            assert "src=" in tag or 'type="application/json"' in tag, page


def test_the_way_home_of_a_share_visitor_is_the_shared_view(client_of, study):
    page = factories.reader(study, "problems").get(f"/studies/{study.slug}/problems/").content.decode()

    assert f'<a class="mark" href="/studies/{study.slug}/problems/">' in page
    assert 'href="/"' not in page
    assert 'class="tabs"' not in page


def test_sharing_from_an_address_of_one_computer_says_that_links_work_only_there(client_of, study, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client = client_of(factories.alice())

    for host, alone in (("127.0.0.1:8000", True), ("lab.example", False)):
        page = client.get(f"/studies/{study.slug}/sharing/", headers={"host": host}).content.decode()
        assert ("they work nowhere else" in page) == alone
