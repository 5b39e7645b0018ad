"""Who sees and changes what: the querysets answer for every page, socket and API call."""

from datetime import timedelta
from io import StringIO

import factories
import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone

from frontier_app.models import ApiToken, Job, Study
from frontier_app.viewer import MOST_LINKS, SHARED_STUDIES, Viewer, links_to, remember_link, viewer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    factories.empty_study("other").members.clear()
    return factories.empty_study()


def request(user: object = None, path: str = "/", **headers: str) -> object:
    made = RequestFactory().get(path, headers=headers)
    made.user = user or AnonymousUser()
    return made


def seen(viewer: Viewer) -> list[str]:
    return list(Study.objects.visible_to(viewer).values_list("slug", flat=True))


def test_members_see_and_change_their_study_and_strangers_do_not(study: Study) -> None:
    for person in (factories.alice(), factories.bob()):
        assert seen(Viewer(user=person)) == ["miniature"]
        assert Study.objects.writable_by(Viewer(user=person)).count() == 1
    assert seen(Viewer(user=factories.charlie())) == []
    assert seen(Viewer()) == []


def test_a_share_link_shows_its_study_and_changes_nothing(study: Study) -> None:
    viewer = Viewer(share_link=factories.link(study))
    assert seen(viewer) == ["miniature"]
    assert Study.objects.writable_by(viewer).count() == 0
    assert Job.objects.visible_to(viewer).count() == 0


def test_a_members_share_link_gives_no_more_than_the_link(study: Study) -> None:
    viewer = Viewer(user=factories.alice(), share_link=factories.link(study))
    assert not viewer.may_read_programs
    assert Study.objects.writable_by(viewer).count() == 0
    assert Viewer(user=factories.alice(), share_link=factories.link(study, allow_programs=True)).may_read_programs


def test_programs_are_for_people_and_for_links_that_allow_them(study: Study) -> None:
    assert Viewer(user=factories.bob()).may_read_programs
    assert not Viewer().may_read_programs
    assert not Viewer(share_link=factories.link(study)).may_read_programs


def test_jobs_of_a_study_are_its_members_and_jobs_of_none_are_everybodys(study: Study) -> None:
    own = factories.queued(study)
    common = factories.queued(None, launched_by=factories.alice())
    assert set(Job.objects.visible_to(Viewer(user=factories.bob()))) == {own, common}
    assert set(Job.objects.visible_to(Viewer(user=factories.charlie()))) == {common}
    assert set(Job.objects.writable_by(Viewer(user=factories.alice()))) == {own, common}
    assert set(Job.objects.writable_by(Viewer(user=factories.bob()))) == {own}
    assert set(Job.objects.writable_by(Viewer(user=factories.charlie()))) == set()


def test_a_request_speaks_for_its_token_then_its_user_then_its_link(study: Study) -> None:
    token, link = factories.api_token(factories.bob()), factories.link(study)
    assert viewer_of(request(factories.alice(), Authorization=f"Bearer {token}")).user == factories.bob()
    assert viewer_of(request(factories.alice(), f"/?share={link.token}")) == Viewer(user=factories.alice())
    assert viewer_of(request(None, f"/?share={link.token}")) == Viewer(share_link=link)
    assert viewer_of(request()) == Viewer()


def test_a_wrong_token_is_nobody_even_in_a_logged_in_browser(study: Study) -> None:
    assert viewer_of(request(factories.alice(), Authorization="Bearer wrong")) == Viewer()


def test_a_token_is_stored_as_a_hash_and_remembers_when_it_was_used(study: Study) -> None:
    token = factories.api_token(factories.bob())
    row = ApiToken.objects.get()
    assert token not in (row.token_sha256, row.name)
    assert row.last_used is None
    viewer_of(request(Authorization=f"Bearer {token}"))
    row.refresh_from_db()
    assert row.last_used is not None


def test_somebody_who_was_deactivated_is_nobody(study: Study) -> None:
    token, bob = factories.api_token(factories.bob()), factories.bob()
    bob.is_active = False
    bob.save()
    assert viewer_of(request(bob)) == Viewer()
    assert viewer_of(request(Authorization=f"Bearer {token}")) == Viewer()


def test_a_link_that_expired_or_was_revoked_opens_nothing(study: Study) -> None:
    expired, revoked = factories.link(study), factories.link(study)
    expired.expires = timezone.now() - timedelta(minutes=1)
    expired.save()
    revoked.revoked = True
    revoked.save()
    for link in (expired, revoked):
        assert viewer_of(request(None, f"/?share={link.token}")) == Viewer()
        assert links_to("miniature", {SHARED_STUDIES: {"miniature": [link.token]}}, link.token) == []


def test_the_link_of_one_study_opens_no_other(study: Study) -> None:
    link = factories.link(study)
    session = {SHARED_STUDIES: {"miniature": [link.token], "other": [link.token]}}
    assert links_to("miniature", session) == [link]
    assert links_to("other", session) == []
    assert links_to("other", {}, link.token) == []


def test_several_links_to_one_study_are_kept_and_the_one_in_the_address_comes_first(study: Study) -> None:
    first, second, session = factories.link(study), factories.link(study), {}
    for link in (first, second, first):
        remember_link(session, link)
    assert links_to("miniature", session) == [first, second]
    assert links_to("miniature", session, second.token) == [second, first]


def test_a_session_keeps_only_the_newest_links(study: Study) -> None:
    session: dict = {SHARED_STUDIES: {"miniature": "what an older version kept"}}
    links = [factories.link(study) for _ in range(MOST_LINKS + 3)]
    for link in links:
        remember_link(session, link)
    assert links_to("miniature", session) == links[:2:-1]


def test_a_printed_token_acts_as_the_person_it_was_issued_for() -> None:
    bob, printed = factories.bob(), StringIO()
    call_command("token", "a script", user="bob", stdout=printed)
    assert viewer_of(request(None, Authorization=f"Bearer {printed.getvalue().strip()}")) == Viewer(user=bob)
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        call_command("token", "a script", user="nobody")
