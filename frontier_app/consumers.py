"""The websocket behind every live page: `/live/?topics=study:miniature,job:train-1a2b3c4d,home`.

Passes notices on to whoever may see them, and looks the rights up again once a minute. It sends no rows and takes no
commands; whatever a page says is ignored.
"""

import asyncio
import contextlib
import json

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import User
from django.http import QueryDict

from frontier_app.live import HOME, group_of
from frontier_app.models import Job, Study
from frontier_app.viewer import Viewer, viewer_of_study

RECHECK_SECONDS = 60.0
MOST_TOPICS = 20
REFUSED = 4403
SHOWN_TO_LINKS = {"evaluation", "problems"}
"""What the bearer of a share link hears of: points on the frontier, nothing about jobs, logs or programs."""


class LiveConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self._groups: dict[str, str] = {}
        self._only_points: set[str] = set()
        self._rechecking: asyncio.Task[None] | None = None
        self._asked = list(dict.fromkeys(_topics(self.scope["query_string"])))[:MOST_TOPICS]
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
        if topic is None or (group in self._only_points and message["what"] not in SHOWN_TO_LINKS):
            return
        await self._send(topic, message["what"], message["data"])

    async def _send(self, topic: str, what: str, data: object) -> None:
        await self.send(text_data=json.dumps({"topic": topic, "what": what, "data": data}))

    async def _recheck_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            await self._subscribe()
            if not self._groups:
                await self.close(code=REFUSED)
                return

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
        for topic in self._asked:
            kind, _, name = topic.partition(":")
            if kind == "study" and name:
                seen = viewer_of_study(user, session, name)
                if Study.objects.visible_to(seen).filter(slug=name).exists():
                    groups[group_of(topic)] = topic
                    if seen.share_link is not None:
                        only_points.add(group_of(topic))
            elif kind == "job" and Job.objects.visible_to(viewer).filter(reference=name).exists():
                groups[group_of(topic)] = topic
        if HOME in self._asked and viewer.user is not None:
            groups[group_of(HOME)] = HOME
            for slug in Study.objects.visible_to(viewer).values_list("slug", flat=True):
                groups.setdefault(group_of(f"study:{slug}"), HOME)
        return groups, only_points


def _topics(query: bytes) -> list[str]:
    """No name holds a character that cannot be printed, and the database refuses some of them."""
    return [topic for topic in str(QueryDict(query).get("topics", "")).split(",") if topic and topic.isprintable()]
