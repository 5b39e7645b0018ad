"""Comments: by members, about a point, a problem, an alpha or the study; for links there are none."""

import factories
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontier_app.models import AuditEntry, Comment

pytestmark = pytest.mark.django_db
COMMENTS = "/studies/miniature/comments.json"


def one(comment: Comment, verb: str = "") -> str:
    return f"/studies/miniature/comments/{comment.pk}/{verb}"


@pytest.fixture
def measured():
    return factories.measured_study(problems=2, samples=2, alphas=(0.0, 1.0))


@pytest.fixture
def remark(measured):
    return Comment.objects.create(study=measured.study, author=factories.bob(), text="Look here.", alpha=0.5)


def test_viewers_too_comment_on_a_point_a_problem_an_alpha_and_the_study(measured, client_of):
    viewer = client_of(factories.vera())
    reference = measured.evaluations[1].reference
    for anchor in ({"evaluation": reference}, {"problem": "001-squares"}, {"alpha": "-0.25"}, {}):
        answer = viewer.post(COMMENTS, {"text": "See.", **anchor})
        assert answer.status_code == 201
    told = client_of(factories.alice()).get(COMMENTS).json()["comments"]
    assert [one["about"] for one in told] == ["the point at a = 1", "001-squares", "a = −0.25", "the study"]
    assert [one["number"] for one in told] == [1, 2, 3, 4]
    assert [one["alpha"] for one in told] == [1.0, None, -0.25, None]
    assert [one["evaluation"] for one in told] == [reference, None, None, None]
    assert {one["author"] for one in told} == {"vera"}
    assert [(one["own"], one["may_delete"]) for one in told] == [(False, True)] * 4


@pytest.mark.parametrize("values", [
    {"text": ""},
    {"text": "   "},
    {"text": "x" * 10_001},
    {"text": "a\x00b"},
    {"text": "x", "alpha": "nan"},
    {"text": "x", "alpha": "1e9"},
    {"text": "x", "alpha": "half"},
    {"text": "x", "problem": "no-such"},
    {"text": "x", "evaluation": "no-such"},
    {"text": "x", "problem": "000-squares", "alpha": "0.5"},
])  # fmt: skip
def test_what_is_no_comment_is_refused_in_one_sentence(measured, client_of, values):
    answer = client_of(factories.bob()).post(COMMENTS, values)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert not Comment.objects.exists()


def test_a_point_of_another_study_cannot_be_named(measured, client_of):
    other = factories.measured_study("other", problems=1, samples=1, alphas=(0.0,))
    values = {"text": "x", "evaluation": other.evaluations[0].reference}
    assert client_of(factories.bob()).post(COMMENTS, values).status_code == 422


def test_one_changes_ones_own_and_an_owner_deletes_any(measured, remark, client_of):
    bob, alice = client_of(factories.bob()), client_of(factories.alice())
    assert bob.post(one(remark), {"text": "Look there."}).json()["comments"][0]["edited"]
    assert alice.post(one(remark), {"text": "No."}).status_code == 403
    for verb in ("", "delete/", "restore/"):
        assert client_of(factories.vera()).post(one(remark, verb), {"text": "No."}).status_code == 403
        assert client_of(factories.charlie()).post(one(remark, verb), {"text": "No."}).status_code == 404
    assert alice.post(one(remark, "delete/")).json()["comments"] == []
    remark.refresh_from_db()
    assert remark.text == "Look there."
    assert AuditEntry.objects.get().subject == "comment of bob"
    assert "Look" not in repr(list(AuditEntry.objects.values()))


def test_a_deleted_comment_comes_back(measured, remark, client_of):
    bob = client_of(factories.bob())
    assert bob.post(one(remark, "delete/")).json()["comments"] == []
    assert bob.get(COMMENTS).json()["comments"] == []
    assert [found["text"] for found in bob.post(one(remark, "restore/")).json()["comments"]] == ["Look here."]


def test_who_was_removed_by_an_owner_stays_removed(measured, remark, client_of):
    client_of(factories.alice()).post(one(remark, "delete/"))
    assert client_of(factories.bob()).post(one(remark, "restore/")).status_code == 403
    assert client_of(factories.alice()).post(one(remark, "restore/")).status_code == 200


def test_a_comment_of_another_study_cannot_be_named(measured, remark, client_of):
    other = factories.empty_study("other")
    assert client_of(factories.bob()).post(f"/studies/{other.slug}/comments/{remark.pk}/delete/").status_code == 404
    assert client_of(factories.bob()).post(f"/studies/{other.slug}/comments/{10**30}/delete/").status_code == 404


def test_for_a_link_there_are_no_comments(measured, remark):
    link = factories.link(measured.study)
    reader = factories.reader(measured.study)
    for client in (reader, Client()):
        assert client.get(COMMENTS, {"share": link.token}).status_code == 404
        assert client.post(f"{COMMENTS}?share={link.token}", {"text": "x"}).status_code == 404
    page = reader.get("/studies/miniature/").content.decode()
    assert "comments.js" not in page
    assert "Look here." not in page


def test_commenting_needs_the_csrf_token(measured):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.bob())
    assert browser.post(COMMENTS, {"text": "x"}).status_code == 403


def test_comments_cost_the_same_at_any_number(measured, client_of):
    client, counts = client_of(factories.vera()), []
    for more in (2, 60):
        Comment.objects.bulk_create(
            Comment(study=measured.study, author=factories.bob(), text="x", evaluation=measured.evaluations[0])
            for _ in range(more)
        )
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(COMMENTS).json()["comments"]) >= more
        counts.append(len(queries))
    assert counts[0] == counts[1]
