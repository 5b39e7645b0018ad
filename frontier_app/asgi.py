"""The web server's entry point: static files, pages and the live websocket, and how large a request may be.

Static files never enter Django's middleware: WhiteNoise finds them (also inside installed packages, so that nothing
needs to be collected first), and this module hands them out asynchronously.
"""

import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frontier_app.settings")
django_application = get_asgi_application()

# These need the applications loaded above.
from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402
from whitenoise.middleware import WhiteNoiseMiddleware  # noqa: E402

from compute.events import MAX_LINE_BYTES  # noqa: E402
from frontier_app.consumers import LiveConsumer  # noqa: E402

# A form or a drawing.
BODY_BYTES_AT_MOST = 8 << 20
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[..., Awaitable[None]]


class StaticFiles:
    """Serves what lies under STATIC_URL and passes everything else on."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.files = WhiteNoiseMiddleware(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(settings.STATIC_URL):
            await self.application(scope, receive, send)
            return
        status, headers, body = await asyncio.to_thread(self.read, scope)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def read(self, scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of one file. Missing files and refused methods are answered as well."""
        found = self.files.find_file if self.files.autorefresh else self.files.files.get
        file = found(scope["path"])
        if file is None:
            return 404, [(b"content-type", b"text/plain")], b"There is no such file."
        environ = {
            f"HTTP_{name.decode('latin1').upper().replace('-', '_')}": value.decode("latin1")
            for name, value in scope["headers"]
        }
        response = file.get_response(scope["method"], environ)
        headers = [(name.lower().encode("latin1"), str(value).encode("latin1")) for name, value in response.headers]
        if response.file is None:
            return int(response.status), headers, b""
        with response.file as stream:
            return int(response.status), headers, stream.read()


class TooLargeError(Exception):
    """A body is larger than what its address takes."""


class BoundedBodies:
    """Answers 413 to a body that is too large, before it is kept: Django writes the whole of one to a disk before any
    view is asked. No address takes files; only a batch of events is large."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        most, received = body_bytes_at_most(scope["path"]), 0
        announced = dict(scope["headers"]).get(b"content-length", b"0")

        async def counted() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise TooLargeError
            return message

        try:
            if not announced.isdigit() or len(announced) > len(str(most)) or int(announced) > most:
                raise TooLargeError
            await self.application(scope, counted, send)
        except TooLargeError:  # while the body is read nothing is answered yet
            sentence = f"At most {most} bytes can be sent to this address at once."
            of_api = scope["path"].startswith("/api/")
            kind, body = (
                (b"application/json", json.dumps({"detail": sentence})) if of_api else (b"text/plain", sentence)
            )
            headers = [(b"content-type", kind), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": body.encode()})


def body_bytes_at_most(path: str) -> int:
    of_events = path.startswith("/api/jobs/") and path.endswith("/events")
    return MAX_LINE_BYTES if of_events else BODY_BYTES_AT_MOST


application = ProtocolTypeRouter(
    {
        "http": StaticFiles(BoundedBodies(django_application)),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("live/", LiveConsumer.as_asgi())]))
        ),
    }
)

# What is loaded by now lives as long as the process, so that no collection need look at it again.
gc.freeze()
