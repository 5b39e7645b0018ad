"""Members, invitations and the audit trail."""

from datetime import timedelta

import factories
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from frontier_app import launch
from frontier_app.models import AuditEntry, Invitation, Job, Membership, Report, ShareLink
from frontier_app.sharing import links, membership, reports
from frontier_app.sharing.audit_trail import ACTIONS, note

pytestmark = pytest.mark.django_db
MEMBERS = "/studies/miniature/members/"
TRAIL = "/studies/miniature/audit-trail/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def study():
    return factories.study(problems=1)


def member(study, name: str) -> Membership:
    return study.membership_set.get(user=factories.person(name))


def role(study, name: str) -> str | None:
    found = study.membership_set.filter(user__username=name).first()
    return found.role if found else None


def token_of(answer) -> str:
    return answer.context["address"].rstrip("/").rpartition("/")[2]


def test_every_member_sees_the_members_and_only_owners_what_changes_them(study, client_of):
    for person, may in ((factories.alice(), True), (factories.bob(), False), (factories.vera(), False)):
        page = client_of(person).get(MEMBERS).content.decode()
        assert all(name in page for name in ("alice", "bob", "vera"))
        assert ("Make an invitation" in page) is may
        assert ("Remove" in page) is may
    assert client_of(factories.charlie()).get(MEMBERS).status_code == 404


def test_an_owner_changes_roles_and_removes_and_takes_it_back(study, client_of):
    owner, bob = client_of(factories.alice()), member(study, "bob")
    back = membership.way_back(bob)
    assert owner.post(f"{MEMBERS}{bob.pk}/role/", {"role": "viewer"}, headers=JSON).status_code == 200
    assert role(study, "bob") == "viewer"
    assert client_of(factories.bob()).get("/studies/miniature/launch/sweep/").status_code == 403
    assert owner.post(f"{MEMBERS}{bob.pk}/remove/", headers=JSON).status_code == 200
    assert client_of(factories.bob()).get("/studies/miniature/").status_code == 404
    assert owner.post(f"{MEMBERS}back/", {"back": back}, headers=JSON).status_code == 200
    assert role(study, "bob") == "editor"
    told = list(AuditEntry.objects.filter(subject="bob").values_list("action", flat=True))
    assert told == ["restore", "remove", "role"]


def test_others_change_nobody_but_may_leave(study, client_of):
    alice, bob = member(study, "alice"), member(study, "bob")
    for person in (factories.bob(), factories.vera()):
        client = client_of(person)
        assert client.post(f"{MEMBERS}{alice.pk}/role/", {"role": "viewer"}).status_code == 403
        assert client.post(f"{MEMBERS}{alice.pk}/remove/").status_code == 403
        assert client.post(MEMBERS, {"role": "owner", "days": "7"}).status_code == 403
        assert client.post(f"{MEMBERS}back/", {"back": membership.way_back(bob)}).status_code == 403
    assert client_of(factories.bob()).post(f"{MEMBERS}{bob.pk}/remove/").url == "/"
    assert role(study, "bob") is None
    assert Invitation.objects.count() == 0


def test_the_last_owner_stays(study, client_of):
    owner, alice = client_of(factories.alice()), member(study, "alice")
    for verb, values in (("role/", {"role": "editor"}), ("remove/", {})):
        answer = owner.post(f"{MEMBERS}{alice.pk}/{verb}", values, headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["error"] == "A study keeps at least one owner: make somebody else an owner first."
    assert role(study, "alice") == "owner"
    owner.post(f"{MEMBERS}{member(study, 'bob').pk}/role/", {"role": "owner"})
    assert owner.post(f"{MEMBERS}{alice.pk}/remove/").status_code == 302
    assert role(study, "alice") is None


@pytest.mark.parametrize("values", [{}, {"role": "king"}])
def test_an_unknown_role_is_refused(study, client_of, values):
    answer = client_of(factories.alice()).post(f"{MEMBERS}{member(study, 'bob').pk}/role/", values, headers=JSON)
    assert answer.status_code == 422
    assert role(study, "bob") == "editor"


def test_a_member_of_another_study_cannot_be_named(study, client_of):
    other = factories.empty_study("other")
    Membership.objects.filter(study=other).delete()
    mine = other.membership_set.create(user=factories.charlie(), role="owner")
    victim = member(study, "bob")
    stranger = client_of(factories.charlie())
    assert stranger.post(f"/studies/other/members/{victim.pk}/remove/").status_code == 404
    assert stranger.post(f"/studies/other/members/{victim.pk}/role/", {"role": "viewer"}).status_code == 404
    answer = stranger.post("/studies/other/members/back/", {"back": membership.way_back(victim)}, headers=JSON)
    assert answer.status_code == 422
    assert role(study, "bob") == "editor"
    assert other.membership_set.get() == mine


@pytest.mark.parametrize("signed", ["", "forged", "a:b:c"])
def test_nobody_is_brought_back_by_a_forged_word(study, client_of, signed):
    answer = client_of(factories.alice()).post(f"{MEMBERS}back/", {"back": signed}, headers=JSON)
    assert answer.status_code == 422


# Invitations --------------------------------------------------------------------------------------------------------


def test_an_invitation_is_shown_once_kept_as_a_hash_and_makes_a_member(study, client_of):
    owner = client_of(factories.alice())
    made = owner.post(MEMBERS, {"role": "viewer", "days": "7"})
    token, invitation = token_of(made), Invitation.objects.get()
    assert made.status_code == 201
    assert token not in repr(invitation.__dict__)
    assert token not in owner.get(MEMBERS).content.decode()
    assert timedelta(days=6.9) < invitation.expires - timezone.now() <= timedelta(days=7)

    address = f"/invitation/{token}/"
    assert Client().get(address).url == f"/login/?next={address}"
    stranger = client_of(factories.charlie())
    page = stranger.get(address)
    assert "The miniature study" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert role(study, "charlie") is None
    assert stranger.post(address).url == "/studies/miniature/"
    assert role(study, "charlie") == "viewer"
    assert list(invitation.accepted_by.all()) == [factories.charlie()]
    told = list(AuditEntry.objects.values_list("action", flat=True)[:2])
    assert told == ["join", "invite"]
    assert token not in repr(list(AuditEntry.objects.values()))


def test_an_invitation_lowers_nobody(study, client_of):
    owner = client_of(factories.alice())
    token = token_of(owner.post(MEMBERS, {"role": "editor", "days": ""}))
    for name, after in (("alice", "owner"), ("bob", "editor"), ("vera", "editor")):
        client_of(factories.person(name)).post(f"/invitation/{token}/")
        assert role(study, name) == after


def test_a_closed_invitation_opens_nothing(study, client_of):
    owner, stranger = client_of(factories.alice()), client_of(factories.charlie())
    token = token_of(owner.post(MEMBERS, {"role": "viewer", "days": "7"}))
    invitation = Invitation.objects.get()
    change = f"/studies/miniature/invitations/{invitation.pk}/"
    assert client_of(factories.bob()).post(f"{change}revoke/").status_code == 403
    assert stranger.post(f"{change}revoke/").status_code == 404
    owner.post(f"{change}revoke/")
    assert (stranger.get(f"/invitation/{token}/").status_code, stranger.post(f"/invitation/{token}/").status_code) == (
        404,
        404,
    )
    owner.post(f"{change}reopen/")
    assert stranger.get(f"/invitation/{token}/").status_code == 200
    Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert stranger.post(f"/invitation/{token}/").status_code == 404
    assert role(study, "charlie") is None


def test_an_invitation_ends_with_the_ownership_of_who_wrote_it(study, client_of):
    token = token_of(client_of(factories.alice()).post(MEMBERS, {"role": "owner", "days": ""}))
    study.membership_set.filter(user=factories.bob()).update(role="owner")
    client_of(factories.bob()).post(f"{MEMBERS}{member(study, 'alice').pk}/role/", {"role": "viewer"})
    assert client_of(factories.alice()).post(f"/invitation/{token}/").status_code == 404
    assert role(study, "alice") == "viewer"


@pytest.mark.parametrize(("name", "joined"), [("charlie", True), ("bob", False)])
def test_an_invitation_gives_nothing_back_that_an_owner_took_later(study, client_of, name, joined):
    """Whether the person came by it or not."""
    owner, person = client_of(factories.alice()), client_of(factories.person(name))
    address = f"/invitation/{token_of(owner.post(MEMBERS, {'role': 'editor', 'days': ''}))}/"
    if joined:
        person.post(address)
    owner.post(f"{MEMBERS}{member(study, name).pk}/role/", {"role": "viewer"})
    for held in ("viewer", None):
        answer = person.post(address)
        assert (answer.status_code, role(study, name)) == (403, held)
        assert "ask for a new one" in answer.content.decode()
        assert person.get(address).status_code == 403
        if held:
            owner.post(f"{MEMBERS}{member(study, name).pk}/remove/")
    new = token_of(owner.post(MEMBERS, {"role": "viewer", "days": ""}))
    assert person.post(f"/invitation/{new}/").status_code == 302
    assert role(study, name) == "viewer"


def test_who_left_by_themselves_may_come_again_by_their_invitation(study, client_of):
    address = f"/invitation/{token_of(client_of(factories.alice()).post(MEMBERS, {'role': 'viewer', 'days': ''}))}/"
    person = client_of(factories.charlie())
    person.post(address)
    person.post(f"{MEMBERS}{member(study, 'charlie').pk}/remove/")
    assert role(study, "charlie") is None
    person.post(address)
    assert role(study, "charlie") == "viewer"


def test_joining_needs_the_csrf_token(study, client_of):
    token = token_of(client_of(factories.alice()).post(MEMBERS, {"role": "viewer", "days": "7"}))
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.charlie())
    assert browser.post(f"/invitation/{token}/").status_code == 403
    assert role(study, "charlie") is None


# The audit trail ----------------------------------------------------------------------------------------------------


def test_launches_cancels_and_retries_are_written_down(study):
    bob, path = factories.bob(), study.paths.get()
    job = launch.launch_sweep(study, bob, path.low, path.high, [0.25, 0.75], 2).jobs[0]
    launch.launch_sweep(study, bob, path.low, path.high, [0.5], 2, dry_run=True)
    launch.cancel(job, factories.alice())
    job.refresh_from_db()
    launch.retry(job, bob)
    told = list(AuditEntry.objects.filter(study=study).values_list("action", "who__username"))
    assert told == [("retry", "bob"), ("cancel", "alice"), ("launch", "bob")]
    assert AuditEntry.objects.filter(action="launch").get().detail["jobs"][0] == job.reference


def test_what_cannot_be_written_down_is_not_done(study):
    alice, path = factories.alice(), study.paths.get()
    waiting, cancelled = (launch.launch_sweep(study, alice, path.low, path.high, [at], 2).jobs[0] for at in (0.2, 0.3))
    launch.cancel(cancelled, alice)
    link = links.make(study, alice, "")
    report = reports.create(study, alice, "Notes", "text")

    def full(execute, sql, *rest):
        if f'INSERT INTO "{AuditEntry._meta.db_table}"' in sql:
            raise DatabaseError("no room")
        return execute(sql, *rest)

    def state() -> list[object]:
        return [
            list(model.objects.order_by("pk").values_list("pk", *fields))
            for model, fields in ((Job, ["state"]), (ShareLink, ["revoked"]), (Report, ["title", "text"]))
        ]

    before = state()
    for act in (
        lambda: launch.cancel(waiting, alice),
        lambda: launch.retry(cancelled, alice),
        lambda: links.make(study, alice, ""),
        lambda: links.revoke(link, alice),
        lambda: reports.create(study, alice, "More", "text"),
        lambda: reports.save(report, alice, "Other", "text", reports.version_of(report)),
        lambda: reports.delete(report, alice),
    ):
        with pytest.raises(DatabaseError), connection.execute_wrapper(full):
            act()
        assert state() == before


def test_a_launch_that_is_refused_is_not_written_down(study):
    path = study.paths.get()
    with pytest.raises(launch.LaunchError):
        launch.launch_sweep(study, factories.bob(), path.low, path.high, [], 2)
    assert not AuditEntry.objects.exists()


def test_owners_read_filter_and_page_the_trail(study, client_of):
    for number in range(60):
        note(study, factories.bob(), "launch", f"sweep {number}", jobs=["a"])
    note(study, factories.alice(), "share", "<script>alert(1)</script>")
    owner = client_of(factories.alice())
    first = owner.get(TRAIL)
    assert first.context["slice"].total == 61
    assert "<script>alert" not in first.content.decode()
    assert owner.get(f"{TRAIL}?page=2").context["slice"].first == 51
    assert owner.get(f"{TRAIL}?action=share").context["slice"].total == 1
    assert owner.get(f"{TRAIL}?who=alice").context["slice"].total == 1
    assert owner.get(f"{TRAIL}?q=sweep+1").context["slice"].total == 11
    assert owner.get(f"{TRAIL}?action=nonsense&page=x").context["slice"].total == 61
    nothing = owner.get(f"{TRAIL}?q=nothing").content.decode()
    assert "Nothing matches" in nothing
    for person, status in ((factories.bob(), 403), (factories.vera(), 403), (factories.charlie(), 404)):
        assert client_of(person).get(TRAIL).status_code == status


def test_the_trail_costs_the_same_at_any_length(study, client_of):
    owner, counts = client_of(factories.alice()), []
    for more in (2, 48):
        for number in range(more):
            note(study, factories.bob(), "launch", f"sweep {number}")
        with CaptureQueriesContext(connection) as queries:
            owner.get(TRAIL)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_every_action_has_its_words():
    assert all(words and len(action) <= 24 for action, words in ACTIONS.items())
