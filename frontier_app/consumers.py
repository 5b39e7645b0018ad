"""The websocket behind every live page: `/live/?topics=study:miniature,job:train-1a2b3c4d,home`.

Passes notices on to whoever may see them. It looks up again who that is and what they may see when rights changed
(`live.rights_changed`), when a share link expires, and once a minute in any case: who logged out, was deactivated or
has another password hears no more. It sends no rows and takes no commands; whatever a page says is
ignored. In a frame of another site there are no cookies: there the address has `&share=` with the token of a link.
"""

import asyncio
import contextlib
import json
from importlib import import_module

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone

from frontier_app.live import HOME, RIGHTS, group_of
from frontier_app.models import Job, Study
from frontier_app.sharing.shared_views import SHARE
from frontier_app.viewer import Viewer, links_to

RECHECK_SECONDS = 60.0
MOST_TOPICS = 20
REFUSED = 4403
SHOWN_TO_LINKS = {"evaluation", "problems"}
"""What the bearer of a share link hears of: that something was measured, nothing about jobs, logs or programs."""
SOONEST_SECONDS = 0.05


class LiveConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self._groups: dict[str, str] = {}
        self._only_points: set[str] = set()
        self._rechecking: asyncio.Task[None] | None = None
        query = QueryDict(self.scope["query_string"])
        self._asked = list(dict.fromkeys(_topics(query)))[:MOST_TOPICS]
        self._token = _token(query)
        self._ends = RECHECK_SECONDS
        await self._subscribe()
        await self.accept()
        if not self._groups:
            await self.close(code=REFUSED)
            return
        heard = sorted(set(self._groups.values()))
        await self._send("", "ready", {"topics": heard, "refused": [t for t in self._asked if t not in heard]})
        self._rechecking = asyncio.create_task(self._recheck_for_ever())

    async def disconnect(self, code: int) -> None:
        if self._rechecking is not None:
            self._rechecking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rechecking
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        return

    async def live_message(self, message: dict) -> None:
        group = group_of(message["topic"])
        topic = self._groups.get(group)
        if topic is None:
            return
        if message["what"] == RIGHTS:
            await self._look_again()
        elif group not in self._only_points:
            await self._send(topic, message["what"], message["data"])
        elif message["what"] in SHOWN_TO_LINKS:
            await self._send(topic, message["what"], {})

    async def _send(self, topic: str, what: str, data: object) -> None:
        await self.send(text_data=json.dumps({"topic": topic, "what": what, "data": data}))

    async def _recheck_for_ever(self) -> None:
        while self._groups:
            await asyncio.sleep(max(SOONEST_SECONDS, min(RECHECK_SECONDS, self._ends)))
            await self._look_again()

    async def _look_again(self) -> None:
        await self._read_session()
        await self._subscribe()
        if not self._groups:
            await self.close(code=REFUSED)

    async def _read_session(self) -> None:
        """The session and its person as they are by now; nobody where it is gone or was begun with another password."""
        if key := getattr(self.scope.get("session"), "session_key", None):
            self.scope["session"] = import_module(settings.SESSION_ENGINE).SessionStore(key)
            self.scope["user"] = await get_user(self.scope)

    async def _subscribe(self) -> None:
        """Join the groups that the asked topics mean for this viewer now, and leave the others."""
        allowed, self._only_points = await self._allowed()
        for group in set(self._groups) - set(allowed):
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in set(allowed) - set(self._groups):
            await self.channel_layer.group_add(group, self.channel_name)
        self._groups = allowed

    @database_sync_to_async
    def _allowed(self) -> tuple[dict[str, str], set[str]]:
        """Group -> topic under which its notices are passed on, and the groups of which only points may be told."""
        user = self.scope.get("user")
        session = self.scope.get("session") or {}
        viewer = Viewer(user=user if isinstance(user, User) and user.is_active else None)
        groups: dict[str, str] = {}
        only_points: set[str] = set()
        self._ends = RECHECK_SECONDS
        for topic in self._asked:
            kind, _, name = topic.partition(":")
            if kind == "study" and name:
                if Study.objects.visible_to(viewer).filter(slug=name).exists():
                    groups[group_of(topic)] = topic
                elif links := links_to(name, session, self._token):
                    groups[group_of(topic)] = topic
                    only_points.add(group_of(topic))
                    ends = [(link.expires - timezone.now()).total_seconds() for link in links if link.expires]
                    self._ends = min([self._ends, *ends])
            elif kind == "job" and Job.objects.visible_to(viewer).filter(reference=name).exists():
                groups[group_of(topic)] = topic
        if HOME in self._asked and viewer.user is not None:
            groups[group_of(HOME)] = HOME
            for slug in Study.objects.visible_to(viewer).values_list("slug", flat=True):
                groups.setdefault(group_of(f"study:{slug}"), HOME)
        return groups, only_points


def _topics(query: QueryDict) -> list[str]:
    """No name holds a character that cannot be printed, and the database refuses some of them."""
    return [topic for topic in str(query.get("topics", "")).split(",") if topic and topic.isprintable()]


def _token(query: QueryDict) -> str:
    token = str(query.get(SHARE, ""))
    return token if token.isprintable() else ""
