"""Saved views: a name, a short address, and the data of then."""

import factories
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontier_app.models import AuditEntry, SavedView, ShareLink, Snapshot
from frontier_app.sharing import saved_views
from frontier_app.sharing.pinned import data_version

pytestmark = pytest.mark.django_db
VIEWS = "/studies/miniature/views/"
PAGE = "/studies/miniature/?difficulty=hard&a=0.5"
DATA = "/studies/miniature/explorer.json?difficulty=hard"
JSON = {"Accept": "application/json"}


@pytest.fixture
def study():
    return factories.measured_study(problems=4, samples=2, alphas=(0.0, 1.0)).study


@pytest.fixture
def saved(study):
    return saved_views.save(study, factories.bob(), "The hard ones", "as of the meeting", PAGE)


def measure_more(study) -> None:
    """One more point, as a worker brings it."""
    path = study.paths.get()
    factories.measure(study, factories.point_on(path, 0.5), 2, alpha=0.5, path=path)


def alphas(client: Client, address: str) -> list[float]:
    return [one["alpha"] for one in client.get(address).json()["evaluations"] if one["alpha"] is not None]


def test_an_editor_saves_what_the_page_shows_and_its_short_address_leads_there(study, client_of):
    client = client_of(factories.bob())
    answer = client.post(VIEWS, {"name": "Hard", "note": "n", "address": PAGE}, headers=JSON)
    view = SavedView.objects.get()
    assert answer.status_code == 201
    assert answer.json()["address"] == f"/v/{view.short}/"
    assert client.get(f"/v/{view.short}/").url == f"/studies/miniature/?difficulty=hard&a=0.5&view={view.short}"
    assert AuditEntry.objects.filter(action="save", subject="Hard", who=factories.bob()).exists()


def test_a_saved_view_shows_the_data_of_then_and_says_that_there_are_newer(study, saved, client_of):
    client = client_of(factories.vera())
    then = client.get(DATA).json()
    measure_more(study)
    pinned = client.get(f"{DATA}&view={saved.short}")
    assert pinned.json()["evaluations"][0]["point"] == then["evaluations"][0]["point"]
    assert alphas(client, f"{DATA}&view={saved.short}") == [0.0, 1.0]
    assert alphas(client, DATA) == [0.0, 0.5, 1.0]
    page = client.get(f"{PAGE}&view={saved.short}").content.decode()
    assert "The hard ones" in page
    assert "newer data:" in page
    with CaptureQueriesContext(connection) as queries:
        again = client.get(f"{DATA}&view={saved.short}", headers={"If-None-Match": pinned.headers["ETag"]})
    assert again.status_code == 304
    assert not any('"compressed"' in query["sql"] for query in queries)


def test_the_failures_of_a_saved_view_are_those_of_then_at_every_difficulty(study, client_of):
    page = "/studies/miniature/failures/"
    view = saved_views.save(study, factories.bob(), "Failing", "", f"{page}?difficulty=hard&growth=2")
    link = factories.link(study, view="failures")
    link.saved_view = view
    link.save()
    member, reader = client_of(factories.vera()), Client()
    asked = [
        *(f"{name}.json?difficulty={one}" for name in ("levels", "groups") for one in ("", "easy", "hard")),
        *(f"growth.json?growth=2&difficulty={one}" for one in ("", "medium", "hard")),
        "grid.json?",
    ]
    then = [member.get(page + one).json() for one in asked]
    measure_more(study)
    for who, more in ((member, f"&view={view.short}"), (reader, f"&share={link.token}")):
        answers = [who.get(page + one + more) for one in asked]
        assert [one.json() for one in answers] == then
        assert {one.headers["ETag"][:8] for one in answers} == {'"pinned-'}
        for other in ("growth.json?growth=1", "growth.json?growth=2&of=000-squares", "levels.json?tag=dp"):
            told = who.get(page + other + more)
            assert (told.status_code, told.json()) == (404, {"error": "The saved view keeps no such data."})
        assert who.get(f"{page}levels.json?difficulty=hard&growth=1&find=x{more}").json() == then[2]
    assert [member.get(page + one).json() for one in asked] != then


def test_a_refresh_that_is_not_answered_keeps_the_data_of_then(study, saved, client_of, monkeypatch):
    client = client_of(factories.bob())
    before = alphas(client, f"{DATA}&view={saved.short}")
    measure_more(study)
    monkeypatch.setattr(saved_views, "take_snapshot", lambda *asked: None)
    said = client.post(f"{VIEWS}{saved.short}/refresh/", follow=True).content.decode()
    assert "keeps the data it has" in said
    assert alphas(client, f"{DATA}&view={saved.short}") == before


def test_another_state_under_the_same_short_name_shows_the_data_of_now(study, saved, client_of):
    client = client_of(factories.vera())
    measure_more(study)
    assert alphas(client, f"/studies/miniature/explorer.json?difficulty=easy&view={saved.short}") == [0.0, 0.5, 1.0]
    assert "The hard ones</b>" not in client.get(f"/studies/miniature/?view={saved.short}").content.decode()


def test_while_nothing_is_new_the_page_is_quiet(study, saved, client_of):
    page = client_of(factories.bob()).get(f"{PAGE}&view={saved.short}").content.decode()
    assert "data as of" in page
    assert "newer data:" not in page


def test_refreshing_pins_the_data_of_now_and_drops_those_of_then(study, saved, client_of):
    measure_more(study)
    client = client_of(factories.bob())
    assert client.post(f"{VIEWS}{saved.short}/refresh/").url == f"/v/{saved.short}/"
    assert alphas(client, f"{DATA}&view={saved.short}") == [0.0, 0.5, 1.0]
    assert Snapshot.objects.count() == 1
    assert "newer data:" not in client.get(f"{PAGE}&view={saved.short}").content.decode()


def test_a_snapshot_holds_no_job_and_no_program(study, saved):
    text = repr(saved.snapshot.data)
    assert "/jobs/" not in text
    assert factories.FAST.splitlines()[0] not in text


def test_the_same_data_are_kept_once(study, saved):
    saved_views.save(study, factories.alice(), "Again", "", PAGE)
    assert Snapshot.objects.count() == 1


def test_a_view_without_figures_is_saved_unpinned(study, client_of):
    view = saved_views.save(study, factories.bob(), "Runs", "", "/studies/miniature/runs/")
    assert view.snapshot is None
    page = client_of(factories.bob()).get(f"/studies/miniature/runs/?view={view.short}").content.decode()
    assert "shows the data of now" in page


def test_the_version_of_the_data_changes_with_what_is_measured(study):
    before = data_version(study, "study")
    assert data_version(study, "study") == before
    measure_more(study)
    assert data_version(study, "study") != before


def test_a_link_to_a_saved_view_shows_the_data_of_then(study, saved, client_of):
    answer = client_of(factories.alice()).post(
        "/studies/miniature/sharing/", {"address": f"{PAGE}&view={saved.short}", "days": ""}, headers=JSON
    )
    link = ShareLink.objects.get()
    assert answer.status_code == 201
    assert link.saved_view == saved
    measure_more(study)
    reader = Client()
    assert reader.get(f"/share/{link.token}/").url == f"{PAGE}&view={saved.short}"
    assert alphas(reader, f"{DATA}&share={link.token}") == [0.0, 1.0]
    assert alphas(reader, f"{DATA}&view={saved.short}") == [0.0, 1.0]
    other = saved_views.save(study, factories.bob(), "Other", "", PAGE)
    assert reader.get(f"{DATA}&view={other.short}").status_code == 404
    for more in ("a=0.5", "b=1&sort=name", "problem=000-squares", "family="):
        assert alphas(reader, f"{DATA}&{more}&share={link.token}") == [0.0, 1.0]
    assert reader.get(f"{DATA}&family=second&share={link.token}").status_code == 404
    page = reader.get(f"{PAGE}&view={saved.short}").content.decode()
    assert "newer data:" not in page
    assert "bob" not in page


def test_a_saved_view_answers_a_key_by_which_its_answers_differ_with_the_one_it_keeps(study, client_of):
    kept = Snapshot.of({"study_data": [1], "study_data?family=second": [2]})
    view = SavedView.objects.create(
        study=study, owner=factories.bob(), view="study", query="difficulty=hard", snapshot=kept
    )
    reader = client_of(factories.vera())
    for more, answer in (("a=1", [1]), ("family=second&sort=name", [2])):
        assert reader.get(f"{DATA}&{more}&view={view.short}").json() == answer
    assert reader.get(f"{DATA}&family=third&view={view.short}").status_code == 404


def test_deleting_closes_the_address_and_its_links_until_it_is_undone(study, saved, client_of):
    link = ShareLink.objects.create(study=study, created_by=factories.alice(), view="study", saved_view=saved)
    client = client_of(factories.bob())
    assert client.post(f"{VIEWS}{saved.short}/delete/", headers=JSON).status_code == 204
    assert client.get(f"/v/{saved.short}/").status_code == 404
    assert Client().get(f"/share/{link.token}/").status_code == 404
    assert "The hard ones" not in client.get(VIEWS).content.decode()
    assert client.post(f"{VIEWS}{saved.short}/restore/", headers=JSON).status_code == 204
    assert client.get(f"/v/{saved.short}/").status_code == 302
    assert Client().get(f"/share/{link.token}/").status_code == 302
    told = list(AuditEntry.objects.values_list("action", "subject")[:2])
    assert told == [("restore", "The hard ones"), ("delete", "The hard ones")]


def test_what_an_owner_deleted_only_an_owner_restores(study, saved, client_of):
    bob, alice = client_of(factories.bob()), client_of(factories.alice())
    alice.post(f"{VIEWS}{saved.short}/delete/", headers=JSON)
    assert bob.post(f"{VIEWS}{saved.short}/restore/", headers=JSON).status_code == 403
    assert SavedView.objects.get().deleted
    assert alice.post(f"{VIEWS}{saved.short}/restore/", headers=JSON).status_code == 204
    bob.post(f"{VIEWS}{saved.short}/delete/", headers=JSON)
    assert bob.post(f"{VIEWS}{saved.short}/restore/", headers=JSON).status_code == 204
    assert not SavedView.objects.get().deleted


def test_newer_data_go_out_through_a_link_by_an_owner_alone(study, saved, client_of):
    link = ShareLink.objects.create(study=study, created_by=factories.alice(), saved_view=saved)
    measure_more(study)
    bob, alice = client_of(factories.bob()), client_of(factories.alice())
    for person, refreshed in ((bob, False), (alice, True)):
        shown = person.get(f"{PAGE}&view={saved.short}").content.decode()
        assert (f"{saved.short}/refresh/" in shown) is refreshed
        said = person.post(f"{VIEWS}{saved.short}/refresh/", follow=True).content.decode()
        assert ("only an owner takes newer data" in said) is not refreshed
        assert (len(alphas(Client(), f"{DATA.replace('difficulty=hard', '')}&share={link.token}")) == 3) is refreshed


def test_only_who_saved_a_view_and_owners_change_it(study, saved, client_of):
    values = {"name": "Mine now", "note": ""}
    other = factories.empty_study("other")
    factories.person("dora")
    study.membership_set.create(user=factories.person("dora"), role="editor")
    for person, status in (("dora", 403), ("vera", 403), ("charlie", 404)):
        for verb in ("", "delete/", "restore/", "refresh/"):
            answer = client_of(factories.person(person)).post(f"{VIEWS}{saved.short}/{verb}", values)
            assert answer.status_code == status, (person, verb)
    elsewhere = client_of(factories.alice()).post(f"/studies/{other.slug}/views/{saved.short}/delete/")
    assert elsewhere.status_code == 404
    assert client_of(factories.alice()).post(f"{VIEWS}{saved.short}/", values).status_code == 200
    saved.refresh_from_db()
    assert (saved.name, saved.deleted) == ("Mine now", None)


def test_a_viewer_opens_and_does_not_save(study, saved, client_of):
    viewer = client_of(factories.vera())
    assert viewer.get(f"/v/{saved.short}/").status_code == 302
    assert viewer.post(VIEWS, {"name": "x", "address": PAGE}).status_code == 403
    assert "Save this view" not in viewer.get(PAGE).content.decode()


def test_a_short_address_is_for_members(saved, client_of):
    assert client_of(factories.charlie()).get(f"/v/{saved.short}/").status_code == 404
    assert client_of(None).get(f"/v/{saved.short}/").url == f"/login/?next=/v/{saved.short}/"
    assert client_of(None).get("/v/nothing/").url == "/login/?next=/v/nothing/"
    assert client_of(factories.alice()).get("/v/nothing/").status_code == 404


@pytest.mark.parametrize("values", [
    {"name": "", "address": PAGE},
    {"name": "x" * 121, "address": PAGE},
    {"name": "x", "address": ""},
    {"name": "x", "address": "//evil.example/"},
    {"name": "a\x00b", "address": PAGE},
    {"name": "x", "address": "/studies/miniature/members/"},
])  # fmt: skip
def test_what_cannot_be_saved_is_refused_in_one_sentence(study, client_of, values):
    answer = client_of(factories.bob()).post(VIEWS, values, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith((".", ")."))
    assert not SavedView.objects.exists()


def test_a_view_whose_query_means_nothing_is_saved_without_data(study, client_of):
    view = saved_views.save(study, factories.bob(), "Odd", "", "/studies/miniature/?difficulty=nonsense")
    assert view.snapshot is None
    assert client_of(factories.bob()).get(f"/v/{view.short}/").status_code == 302


def test_names_and_notes_become_no_markup(study, client_of):
    markup = "<script>alert(1)</script>"
    view = saved_views.save(study, factories.bob(), markup, markup, PAGE)
    for page in (VIEWS, f"{PAGE}&view={view.short}"):
        text = client_of(factories.alice()).get(page).content.decode()
        assert markup not in text
        assert "&lt;script&gt;alert(1)" in text


def test_lists_of_views_cost_the_same_at_any_length(study, client_of):
    client, counts = client_of(factories.alice()), []
    for more in (2, 40):
        for number in range(more):
            SavedView.objects.create(study=study, owner=factories.bob(), name=f"view {number}")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(VIEWS).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
