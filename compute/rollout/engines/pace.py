"""How fast a server may be asked: so many requests and tokens a minute, evenly spaced, and pauses that it asks for.

Decides when, and does not wait itself.
"""

import time
from collections.abc import Callable

MINUTE = 60.0


class Pace:
    """None: no limit. Without bursts, so that a limit on any window of time is kept."""

    def __init__(
        self, requests: float | None, tokens: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds_a_request = MINUTE / requests if requests else 0.0
        self._seconds_a_token = MINUTE / tokens if tokens else 0.0
        self._clock = clock
        self._requests_free_at = self._tokens_free_at = self._paused_until = clock()

    def reserve(self, tokens: float) -> float:
        """Book one request of at most `tokens`. Returns the seconds to wait before it is sent."""
        now = self._clock()
        start = max(now, self._requests_free_at, self._tokens_free_at, self._paused_until)
        self._requests_free_at = start + self._seconds_a_request
        self._tokens_free_at = start + tokens * self._seconds_a_token
        return start - now

    def give_back(self, tokens: float) -> None:
        """Of what was reserved, so much was not used."""
        self._tokens_free_at -= tokens * self._seconds_a_token

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long: the server asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
