"""What changes reaches the open pages that may see it, and nobody else."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import factories
import pytest
from asgiref.testing import ApplicationCommunicator
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compute.events import CancelAcknowledged, Finished, Log, Metric
from frontier_app import consumers, live
from frontier_app.ingest import ingest
from frontier_app.jobs.log import JobLog
from frontier_app.models import Evaluation, Membership, ShareLink
from frontier_app.sharing import saved_views
from frontier_app.viewer import SHARED_STUDIES

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


class Page:
    """An open page: its cookies and the topics that it follows."""

    def __init__(self, topics: str, user: User | None = None, shared: dict[str, list[str]] | None = None) -> None:
        browser = self.browser = Client()
        if user is not None:
            browser.force_login(user)
        session = browser.session
        session[SHARED_STUDIES] = shared or {}
        session.save()
        scope = {
            "type": "websocket",
            "path": "/live/",
            "query_string": f"topics={topics}".encode(),
            "headers": [(b"cookie", f"frontier_session={session.session_key}".encode())],
            "subprotocols": [],
        }
        self.socket = ApplicationCommunicator(AuthMiddlewareStack(consumers.LiveConsumer.as_asgi()), scope)

    async def connect(self) -> None:
        await self.socket.send_input({"type": "websocket.connect"})
        assert (await self.socket.receive_output(timeout=5))["type"] == "websocket.accept"

    async def open(self) -> dict:
        """The first message: which topics are heard."""
        await self.connect()
        return await self.hear()

    async def hear(self) -> dict:
        message = await self.socket.receive_output(timeout=5)
        assert message["type"] == "websocket.send"
        return json.loads(message["text"])

    async def hears_nothing(self) -> bool:
        return await self.socket.receive_nothing(timeout=0.3)

    async def is_closed_with(self) -> int:
        message = await self.socket.receive_output(timeout=5)
        assert message["type"] == "websocket.close"
        return message["code"]


def play(scene: Callable[[], Awaitable[T]]) -> T:
    return asyncio.run(scene())


@database_sync_to_async
def happen(action: Callable[[], object]) -> None:
    action()
    live.flush()


@pytest.fixture
def evaluation() -> Evaluation:
    study = factories.study()
    planned = factories.planned_evaluation(study, study.base, alpha=0.5)
    factories.hold(planned.job)
    planned.job.refresh_from_db()
    live.flush()
    return planned


def answers(evaluation: Evaluation) -> Callable[[], None]:
    return lambda: factories.tell(evaluation.job, factories.sample_event(evaluation, "000-squares", 10, 2))


@pytest.mark.parametrize("who", [factories.alice, factories.bob])
def test_a_member_hears_of_points_and_jobs_as_they_come(evaluation: Evaluation, who: Callable[[], User]) -> None:
    page = Page("study:miniature", who())

    async def scene() -> list[dict]:
        assert (await page.open())["data"] == {"topics": ["study:miniature"], "refused": []}
        await happen(answers(evaluation))
        return [await page.hear(), await page.hear()]

    heard = {message["what"]: message for message in play(scene)}
    assert heard["evaluation"]["topic"] == "study:miniature"
    assert heard["evaluation"]["data"]["samples_done"] == 2
    assert heard["evaluation"]["data"]["alpha"] == 0.5
    assert heard["job"]["data"]["reference"] == evaluation.job.reference
    assert heard["job"]["data"]["state"] == "running"


@pytest.mark.parametrize("topic", ["study:miniature", "job:{job}", "study:nowhere", "nonsense", ""])
def test_a_stranger_is_turned_away(evaluation: Evaluation, topic: str) -> None:
    page = Page(topic.format(job=evaluation.job.reference), factories.charlie())

    async def scene() -> int:
        await page.connect()
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def test_nobody_is_turned_away_from_home_too(evaluation: Evaluation) -> None:
    page = Page("home,study:miniature")

    async def scene() -> int:
        await page.connect()
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def test_a_share_link_hears_of_its_studys_points_and_of_no_job_log_or_other_study(evaluation: Evaluation) -> None:
    factories.empty_study("other")
    link = factories.link(evaluation.study)
    topics = f"study:miniature,study:other,home,job:{evaluation.job.reference}"
    page = Page(topics, shared={"miniature": [link.token], "other": [link.token]})

    async def scene() -> tuple[dict, list[dict]]:
        ready = await page.open()
        await happen(answers(evaluation))
        await happen(lambda: JobLog(evaluation.job).write("a line"))
        run = Metric(run="miniature.low", step=9, values={"reward": 0.5})
        await happen(lambda: factories.tell(evaluation.job, run))
        await happen(lambda: factories.tell(evaluation.job, Finished()))
        heard = [await page.hear()]
        assert await page.hears_nothing()
        return ready, heard

    ready, heard = play(scene)
    assert ready["data"]["topics"] == ["study:miniature"]
    assert [message["what"] for message in heard] == ["evaluation"]


def test_a_logged_in_stranger_with_a_link_hears_what_the_link_shows(evaluation: Evaluation) -> None:
    link = factories.link(evaluation.study)
    page = Page("study:miniature", factories.charlie(), shared={"miniature": [link.token]})

    async def scene() -> list[str]:
        await page.open()
        await happen(answers(evaluation))
        heard = [(await page.hear())["what"]]
        assert await page.hears_nothing()
        return heard

    assert play(scene) == ["evaluation"]


def test_a_frame_without_cookies_hears_what_the_token_in_its_address_shows(evaluation: Evaluation) -> None:
    link = factories.link(evaluation.study)
    page = Page(f"study:miniature&share={link.token}")

    async def scene() -> dict:
        await page.open()
        await happen(answers(evaluation))
        heard = await page.hear()
        assert await page.hears_nothing()
        return heard

    assert play(scene) == {"topic": "study:miniature", "what": "evaluation", "data": {}}


@pytest.mark.parametrize("closed", ["sharing/{link}/revoke/", "views/{view}/delete/"])
def test_a_closed_link_is_turned_away_at_once(evaluation: Evaluation, closed: str) -> None:
    view = saved_views.save(evaluation.study, factories.alice(), "a view", "", "/studies/miniature/runs/")
    link = factories.link(evaluation.study)
    ShareLink.objects.update(saved_view=view)
    page = Page("study:miniature", shared={"miniature": [link.token]})
    owner = Client()
    owner.force_login(factories.alice())

    async def scene() -> int:
        await page.open()
        await happen(lambda: owner.post("/studies/miniature/" + closed.format(link=link.pk, view=view.short)))
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def test_a_link_is_turned_away_when_it_expires(evaluation: Evaluation) -> None:
    link = factories.link(evaluation.study)
    link.expires = timezone.now() + timedelta(seconds=1)
    link.save()
    page = Page("study:miniature", shared={"miniature": [link.token]})

    async def scene() -> int:
        await page.open()
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def test_home_hears_of_the_studies_one_has_joined_and_of_no_others(evaluation: Evaluation) -> None:
    page, strangers = Page("home", factories.bob()), Page("home", factories.charlie())

    async def scene() -> list[dict]:
        await page.open()
        await strangers.open()
        await happen(answers(evaluation))
        assert await strangers.hears_nothing()
        return [await page.hear(), await page.hear()]

    assert {(message["topic"], message["what"]) for message in play(scene)} == {("home", "evaluation"), ("home", "job")}


def test_lines_of_the_log_reach_the_jobs_own_page(evaluation: Evaluation) -> None:
    page = Page(f"job:{evaluation.job.reference}", factories.alice())

    def speak() -> None:
        log = JobLog(evaluation.job)
        log.write("one", "two")
        log.follow()

    async def scene() -> dict:
        await page.open()
        await happen(speak)
        return await page.hear()

    message = play(scene)
    assert (message["what"], message["data"]) == ("log", {"lines": ["one", "two"]})


def test_a_notice_waits_for_the_commit(evaluation: Evaluation) -> None:
    page = Page("study:miniature", factories.alice())

    def undo() -> None:
        with transaction.atomic():
            answers(evaluation)()
            transaction.set_rollback(True)

    async def scene() -> None:
        await page.open()
        await happen(undo)
        assert await page.hears_nothing()

    play(scene)


def test_who_leaves_the_study_hears_no_more(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    page = Page("study:miniature", factories.bob())

    async def scene() -> int:
        await page.open()
        await happen(lambda: Membership.objects.filter(user=factories.bob()).delete())
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def other_password(page: Page) -> None:
    bob = factories.bob()
    bob.set_password("another")
    bob.save()


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.browser.post("/logout/"),
        lambda page: User.objects.filter(username="bob").update(is_active=False),
        other_password,
    ],
    ids=["logged out", "deactivated", "another password"],
)
def test_whose_session_ends_hears_no_more(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, change: Callable[[Page], object]
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    page = Page("home,study:miniature", factories.bob())

    async def scene() -> int:
        await page.open()
        await happen(lambda: change(page))
        return await page.is_closed_with()

    assert play(scene) == consumers.REFUSED


def test_a_dead_channel_layer_costs_no_event_and_no_waiting(evaluation: Evaluation, settings: object) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["unix:///nowhere.sock"]},
        }
    }
    stopped = CancelAcknowledged(sequence=1)
    outcome = ingest(evaluation.job, evaluation.job.token, [Log(sequence=0, line="still here"), stopped])
    live.flush()
    assert (outcome.state, outcome.log) == ("cancelled", ["still here"])
