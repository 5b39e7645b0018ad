"""Share links: to exactly one view with one query, in a frame of another site too, and closed at once."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import factories
import pytest
from django.test import Client
from django.utils import timezone

from frontier_app.models import AuditEntry, ShareLink
from frontier_app.security import EMBEDDED_POLICY, POLICY
from frontier_app.sharing.shared_views import NotAView, address_of, read_address, words_of

pytestmark = pytest.mark.django_db
SHARING = "/studies/miniature/sharing/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def study():
    return factories.measured_study(problems=4, samples=2, alphas=(0.0, 1.0)).study


def statuses(client: Client, *pages: str) -> list[int]:
    return [client.get(f"/studies/miniature/{page}").status_code for page in pages]


def crumbs(page: str) -> str:
    return page[page.index('<nav class="crumbs"') :].partition("</nav>")[0]


# Which requests a link admits ---------------------------------------------------------------------------------------


def test_a_link_pins_what_decides_the_data_and_leaves_the_drawing_free(study):
    reader = factories.reader(study, "study", "difficulty=hard&level=3&a=0.5")
    pinned = "difficulty=hard&level=3"
    assert (
        statuses(reader, f"?{pinned}", "?level=3&difficulty=hard&a=1&sort=name", f"explorer.json?{pinned}") == [200] * 3
    )
    assert statuses(
        reader,
        "",
        "?difficulty=hard",
        "?difficulty=easy&level=3",
        f"?{pinned}&rule=first_failure",
        f"?{pinned}&difficulty=easy",
        f"explorer.json?{pinned}&unheard=of",
        "explorer.json",
    ) == [404] * 7  # fmt: skip


@pytest.mark.parametrize(
    ("view", "query", "page"),
    [
        ("runs", "q=seed", "runs/"),
        ("runs", "q=seed&columns=name&columns=seed", "runs/"),
        ("failures", "class=wrong&class=slow", "failures/"),
        ("problem", "@problem=000-squares&level=2", "problems/000-squares/"),
        ("study", "difficulty=hard&level=3", "explorer.json"),
    ],
)
def test_no_empty_value_after_a_pinned_one_lifts_it(study, view, query, page):
    reader = factories.reader(study, view, query)
    asked = "&".join(part for part in query.split("&") if part[0] != "@")
    for key in {part.partition("=")[0] for part in asked.split("&")}:
        wider = [f"{page}?{asked}&{key}=", f"{page}?{key}=&{asked}", f"{page}?{asked}&{key}"]
        assert statuses(reader, f"{page}?{asked}", *wider) == [200, 404, 404, 404], key


def test_an_empty_key_says_nothing(study):
    assert statuses(factories.reader(study), "?difficulty=&path=", "explorer.json?baseline=") == [200, 200]


def test_a_link_to_one_problem_shows_no_other_and_no_key_passes_for_the_address(study):
    reader = factories.reader(study, "problem", "@problem=000-squares")
    assert statuses(reader, "problems/000-squares/", "problems/000-squares/sizes.json") == [200, 200]
    assert (
        statuses(
            reader,
            "problems/001-squares/",
            "problems/001-squares/?@problem=000-squares",
            "problems/000-squares/?@problem=000-squares",
            "problems/",
        )
        == [404] * 4
    )


def test_a_query_with_an_at_sign_pins_nothing_of_the_address(study):
    share = f"share={factories.link(study, query='@problem=000-squares').token}"
    pages = (f"?@problem=000-squares&{share}", f"problems/000-squares/?{share}", f"?{share}")
    assert statuses(Client(), *pages) == [404] * 3


def test_a_reader_s_page_leads_nowhere_beyond_the_link(study):
    factories.audit(study)
    reference = study.evaluations.first().reference
    for view, query, page in (
        ("problem", "@problem=000-squares", "problems/000-squares/"),
        ("evaluation", f"@reference={reference}", f"evaluations/{reference}/"),
        ("audit", "", "audit/"),
        ("problems", "", "problems/"),
        ("explore", "", "explore/"),
    ):
        shown = factories.reader(study, view, query).get(f"/studies/miniature/{page}").content.decode()
        assert "read only" in shown
        assert "href" not in crumbs(shown)
        for offered in ("data-href", "data-problem=", "data-palette", 'id="keep"'):
            assert offered not in shown


def test_two_links_to_one_study_are_open_side_by_side(study):
    reader = factories.reader(study, "study", "difficulty=hard")
    reader.get(f"/share/{factories.link(study, view='study', query='difficulty=easy').token}/")
    reader.get(f"/share/{factories.link(study, view='runs').token}/")
    assert statuses(reader, "?difficulty=hard", "?difficulty=easy", "runs/", "?difficulty=all", "problems/") == [
        200, 200, 200, 404, 404,
    ]  # fmt: skip


def test_a_member_who_opens_a_link_stays_a_member(study, client_of):
    client = client_of(factories.bob())
    client.get(f"/share/{factories.link(study, view='study', query='difficulty=easy').token}/")
    assert statuses(client, "", "runs/", "launch/sweep/") == [200] * 3


def test_programs_follow_the_link(study):
    for allowed, status in ((False, 403), (True, 200)):
        reader = factories.reader(study, allow_programs=allowed)
        assert reader.get("/studies/miniature/programs.json?problem=000-squares").status_code == status


@pytest.mark.parametrize("hidden", [{"revoked": True}, {"expires": timezone.now() - timedelta(seconds=1)}])
def test_a_closed_link_shows_nothing_at_once_by_session_or_token(study, client_of, hidden):
    link, reader = factories.link(study), client_of(None)
    reader.get(f"/share/{link.token}/")
    pages = ("", "explorer.json", f"explorer.json?share={link.token}")
    assert statuses(reader, *pages) == [200] * 3
    ShareLink.objects.update(**hidden)
    assert statuses(reader, *pages) == [302] * 3
    assert statuses(Client(), f"explorer.json?share={link.token}") == [302]
    assert reader.get(f"/share/{link.token}/").status_code == 404
    closed = reader.get(f"/share/{link.token}/embed/")
    assert closed.status_code == 404
    assert "Not shared any more" in closed.content.decode()


def test_opening_leads_to_the_view_with_its_query_and_is_counted(study, client_of):
    link = factories.link(study, view="problem", query="%40problem=000-squares&at=x%26y")
    answer = client_of(None).get(f"/share/{link.token}/")
    assert answer.url == "/studies/miniature/problems/000-squares/?at=x%26y"
    link.refresh_from_db()
    assert link.opened_count == 1
    assert link.last_opened is not None


@pytest.mark.parametrize(("view", "query"), [("nothing", ""), ("problem", ""), ("study", "@next=//evil.example")])
def test_a_link_whose_view_is_no_page_leads_nowhere(study, client_of, view, query):
    link = factories.link(study, view=view, query=query)
    assert client_of(None).get(f"/share/{link.token}/").status_code == 404
    assert client_of(None).get(f"/share/{link.token}/embed/").status_code == 404


# In a frame ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "difficulty=hard"])
def test_an_embedded_view_is_counted_once(study, query):
    link, reader = factories.link(study, query=query), Client()
    assert reader.get(f"/share/{link.token}/embed/", follow=True).status_code == 200
    link.refresh_from_db()
    assert link.opened_count == 1


def test_an_embedded_view_has_no_navigation_and_needs_no_cookie(study):
    link = factories.link(study, query="difficulty=hard")
    first = Client().get(f"/share/{link.token}/embed/")
    assert first.url == f"/share/{link.token}/embed/?difficulty=hard"
    page = Client().get(first.url)
    text = page.content.decode()
    assert page.status_code == 200
    assert 'id="frontier"' in text
    assert 'class="top"' not in text
    assert 'class="tabs"' not in text
    assert f'<meta name="carried" content="share={link.token}">' in text
    assert page.cookies == {}
    data = Client().get(f"/studies/miniature/explorer.json?difficulty=hard&share={link.token}")
    assert data.status_code == 200
    assert Client().get(f"/studies/miniature/explorer.json?difficulty=easy&share={link.token}").status_code == 404


def test_only_the_embedded_page_may_be_framed(study):
    link = factories.link(study)
    framed = Client().get(f"/share/{link.token}/embed/")
    assert framed.headers["Content-Security-Policy"] == EMBEDDED_POLICY
    assert "X-Frame-Options" not in framed.headers
    reader = factories.reader(study)
    for page in ("/studies/miniature/", "/studies/miniature/explorer.json", f"/share/{link.token}/"):
        answer = reader.get(page)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"] == POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_in_a_frame_a_member_is_shown_no_more_than_the_link_shows(study, client_of):
    link = factories.link(study)
    text = client_of(factories.alice()).get(f"/share/{link.token}/embed/").content.decode()
    assert "Launch" not in text
    assert "Programs are not part of this link" in text
    assert "alice" not in text
    assert client_of(factories.alice()).get(f"/share/{link.token}/embed/?difficulty=easy").status_code == 404
    assert client_of(factories.alice()).post(f"/share/{link.token}/embed/").status_code == 405


# Making and revoking ------------------------------------------------------------------------------------------------


def test_an_owner_shares_the_view_whose_address_the_page_sends(study, client_of):
    values = {
        "address": "/studies/miniature/problems/000-squares/?at=one&share=x&view=y&set=",
        "days": "7",
        "name": "R2",
    }
    answer = client_of(factories.alice()).post(SHARING, values, headers=JSON)
    link = ShareLink.objects.get()
    assert answer.status_code == 201
    assert answer.json()["address"].endswith(f"/share/{link.token}/")
    assert answer.json()["embed"].endswith(f"/share/{link.token}/embed/")
    assert (link.view, parse_qs(link.query)) == ("problem", {"@problem": ["000-squares"], "at": ["one"]})
    assert timedelta(days=6.9) < link.expires - timezone.now() <= timedelta(days=7)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.who) == ("share", "R2", factories.alice())
    assert link.token not in repr(entry.detail)


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example/",
        "https://evil.example/share/",
        "/studies/other/",
        "/studies/miniature/jobs/",
        "/studies/miniature/sharing/",
        "/admin/",
        "javascript:alert(1)",
        "/studies/miniature/?q=%00",
        "/studies/miniature/problems/%00/",
        "/studies/miniature/?q=" + "x" * 5000,
        "http://[",
    ],
)
def test_what_is_no_view_of_this_study_is_refused_in_one_sentence(study, client_of, address):
    factories.empty_study("other")
    answer = client_of(factories.alice()).post(SHARING, {"address": address}, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith((".", "after the ?."))
    assert not ShareLink.objects.exists()


def test_an_address_of_another_host_is_taken_for_its_path_alone(study):
    found = read_address(study, "https://evil.example/studies/miniature/runs/?q=1")
    assert address_of(study, found.view, found.query) == "/studies/miniature/runs/?q=1"
    with pytest.raises(NotAView):
        read_address(study, "https://evil.example/")


@pytest.mark.parametrize(
    "page", ["", "problems/?q=a+b&difficulty=hard", "problems/a%20b/?at=1", "runs/?q=%E2%88%92&q=2"]
)
def test_an_address_survives_being_kept(study, page):
    found = read_address(study, f"/studies/miniature/{page}")
    kept = urlsplit(str(address_of(study, found.view, found.query)))
    asked = urlsplit(f"/studies/miniature/{page}")
    assert (kept.path, parse_qs(kept.query)) == (asked.path, parse_qs(asked.query))


def test_a_view_is_told_in_words():
    assert words_of("study", "difficulty=hard&rule=x") == "the explorer: difficulty hard, rule x"
    assert words_of("problem", "%40problem=two-sum") == "one problem: problem two-sum"
    assert words_of("gone", "") == "gone"


def test_the_list_says_what_each_link_shows_and_its_state(study, client_of):
    factories.link(study, view="study", query="difficulty=hard")
    ShareLink.objects.create(study=study, created_by=factories.alice(), name="<b>reviewer</b>", revoked=True)
    page = client_of(factories.alice()).get(SHARING).content.decode()
    assert "the explorer: difficulty hard" in page
    assert "&lt;b&gt;reviewer&lt;/b&gt;" in page
    assert "<b>revoked</b>" in page


def test_a_link_is_revoked_and_reopened_by_an_owner_of_its_study_alone(study, client_of):
    link = factories.link(study)
    other = factories.empty_study("other")
    other.members.set([])
    other.membership_set.create(user=factories.charlie(), role="owner")
    revoke, reopen = f"{SHARING}{link.pk}/revoke/", f"{SHARING}{link.pk}/reopen/"
    for person, status in ((factories.bob(), 403), (factories.vera(), 403), (factories.charlie(), 404)):
        assert client_of(person).post(revoke).status_code == status
    assert client_of(factories.charlie()).post(f"/studies/other/sharing/{link.pk}/revoke/").status_code == 404
    link.refresh_from_db()
    assert not link.revoked

    owner = client_of(factories.alice())
    assert owner.get(revoke).status_code == 405
    assert owner.post(revoke, headers=JSON).status_code == 204
    assert owner.post(revoke, headers=JSON).status_code == 204
    assert not ShareLink.objects.open().exists()
    assert owner.post(reopen).status_code == 302
    assert ShareLink.objects.open().exists()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["reopen", "revoke"]


@pytest.mark.parametrize("lost", ["role", "membership", "account"])
def test_a_link_lasts_no_longer_than_its_maker_owns_the_study(study, client_of, lost):
    bob = factories.bob()
    study.membership_set.filter(user=bob).update(role="owner")
    link = ShareLink.objects.create(study=study, created_by=bob)
    reader, owner = client_of(None), client_of(factories.alice())
    reader.get(f"/share/{link.token}/")
    assert statuses(reader, "", "explorer.json") == [200, 200]
    if lost == "account":
        bob.is_active = False
        bob.save()
    else:
        member = study.membership_set.get(user=bob)
        change, values = {"role": ("role", {"role": "editor"}), "membership": ("remove", {})}[lost]
        owner.post(f"/studies/miniature/members/{member.pk}/{change}/", values)
    assert statuses(reader, "", "explorer.json") == [302, 302]
    assert reader.get(f"/share/{link.token}/").status_code == 404
    page = owner.get(SHARING).content.decode()
    assert "bob owns the study no more" in page
    assert f"{link.pk}/reopen/" in page
    owner.post(f"{SHARING}{link.pk}/reopen/")  # whoever opens it again answers for it
    assert statuses(reader, "", "explorer.json") == [200, 200]
    link.refresh_from_db()
    assert link.created_by == factories.alice()


def test_revoking_needs_the_csrf_token(study):
    link, owner = factories.link(study), Client(enforce_csrf_checks=True)
    owner.force_login(factories.alice())
    assert owner.post(f"{SHARING}{link.pk}/revoke/").status_code == 403
    assert owner.post(SHARING, {"address": "/studies/miniature/"}).status_code == 403


def test_the_list_of_links_costs_the_same_at_any_length(study, client_of, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    owner = client_of(factories.alice())
    counts = []
    for more in (2, 48):
        for _ in range(more):
            factories.link(study)
        with CaptureQueriesContext(connection) as queries:
            owner.get(SHARING)
        counts.append(len(queries))
    assert counts[0] == counts[1]
