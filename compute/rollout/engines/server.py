"""A server that is asked over HTTP: retries, pauses, limits, and one clear sentence when it is no use to go on.

Trouble that may pass (no connection, a cut one, too many requests, the server's own errors, an answer that is no
answer) is tried again after waits that double, or after what the server asks for. A refusal is final at once. The key
is read from the environment and appears in no message.
"""

import asyncio
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import ValidationError

from compute.configs import Served, one_sentence
from compute.errors import EngineError
from compute.rollout.engines.pace import Pace

PASSING = frozenset({408, 409, 425, 429})  # beside all from 500 on
LONGEST_WAIT_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
CONNECT_SECONDS = 10.0
REFUSED_KEY = (401, 403)
Answer = TypeVar("Answer")


class Server:
    """Lives in one event loop. Raises EngineError when the key's variable is not set."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._key = _key(served)
        self._pace = Pace(served.requests_per_minute, served.tokens_per_minute)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(served.timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=served.concurrency + 1),
        )

    async def ask(
        self, url: str, body: object, read: Callable[[bytes], Answer], *, tokens: float = 0, attempts: int | None = None
    ) -> Answer:
        """POST `body` to `url` and `read` the answer. `tokens`: the most that it may cost.

        `read` raises ValidationError for what is no answer. Raises
        EngineError.
        """
        trouble = ""
        attempts = attempts or self._served.attempts
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(backoff(attempt, self._served.first_wait_seconds))
            await asyncio.sleep(self._pace.reserve(tokens))
            try:
                response = await self._client.post(url, json=body)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__} {error}".strip()
                continue
            if response.is_success:
                try:
                    return read(response.content)
                except ValidationError as error:
                    trouble = f"an answer that is none ({one_sentence(error).rstrip('.')})"
            elif response.status_code in PASSING or response.status_code >= 500:
                trouble = f"status {response.status_code}{self._said(response)}"
                self._pace.pause(self._asked_pause(response))
            else:
                raise EngineError(await self._refusal(response))
        raise EngineError(
            f"The server at {self._served.base_url} gave no answer in {attempts} tries; the last brought {trouble}."
        )

    def give_back(self, tokens: float) -> None:
        """Of what was reserved for a request, so many tokens were not used."""
        self._pace.give_back(tokens)

    async def close(self) -> None:
        await self._client.aclose()

    def _asked_pause(self, response: httpx.Response) -> float:
        seconds = retry_after(response.headers.get("Retry-After", ""))
        if seconds > LONGEST_PAUSE_SECONDS:
            raise EngineError(
                f"The server at {self._served.base_url} wants to be left alone for {seconds / 3600:.1f} hours"
                f"{self._said(response)}."
            )
        return seconds

    async def _refusal(self, response: httpx.Response) -> str:
        address, said = self._served.base_url, self._said(response)
        if response.status_code in REFUSED_KEY:
            holder = f"the key in {self._served.key_variable}" if self._key else "a request without a key"
            return f"The server at {address} refused {holder} (status {response.status_code}{said})."
        if response.status_code == 404:
            return f"The server at {address} does not know {self._served.model!r}{await self._known_models()}{said}."
        return f"The server at {address} refused the request (status {response.status_code}{said})."

    async def _known_models(self) -> str:
        try:
            listed = await self._client.get(f"{self._served.base_url}/models")
            names = sorted(str(one["id"]) for one in listed.json()["data"])[:10]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return " or what it was asked for"
        return f"; it serves {', '.join(names)}" if names else "; it serves no model"

    def _said(self, response: httpx.Response) -> str:
        """What the server wrote about its trouble, shortened and without the key."""
        try:
            data = response.json()
            error = data.get("error", data)
            message = str(error.get("message") or error.get("detail") or "") if isinstance(error, dict) else str(error)
        except (ValueError, AttributeError):
            message = ""
        if self._key:
            message = message.replace(self._key, "…")
        message = " ".join(message.split()).rstrip(".")
        return f": {message[:300]}" if message else ""


def backoff(attempt: int, first: float) -> float:
    """Seconds before try number `attempt` (from 1): doubling, at most a minute, spread so that requests do not
    march in step."""
    return float(min(first * 2 ** min(attempt - 1, 30), LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1))


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 when it asks for nothing sensible."""
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _key(served: Served) -> str | None:
    if served.key_variable is None:
        return None
    key = os.environ.get(served.key_variable, "").strip()
    if not key:
        raise EngineError(f"The environment variable {served.key_variable} holds no key on the machine of the job.")
    return key
