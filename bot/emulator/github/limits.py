"""The rate limits of an account, for requests and for content.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.emulator.github.refusals import Refused

HOUR = 3600.0
HOURLY = 5000
CONTENT_A_MINUTE = 80
CONTENT_AN_HOUR = 500
SECONDARY_MESSAGE = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass(slots=True)
class _Window:
    """An hour that starts with its first request: the limit resets only at its end."""

    ends: float
    used: int = 0
    written: deque[float] = field(default_factory=deque)


class Limiter:
    """The hourly limit and the secondary limit on content, for each account."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, enabled: bool = True, hourly: int = HOURLY
    ) -> None:
        self._clock = clock
        self._enabled = enabled
        self._hourly = hourly
        self._windows: dict[str, _Window] = {}

    def reset(self) -> None:
        self._windows.clear()

    def status(self, login: str) -> dict[str, int]:
        """`reset` is in seconds since the epoch."""
        window = self._window(login)
        ends = round(time.time() + window.ends - self._clock())
        return {
            "limit": self._hourly,
            "used": window.used,
            "remaining": max(self._hourly - window.used, 0),
            "reset": ends,
        }

    def headers(self, login: str) -> dict[str, str]:
        numbers = {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in self.status(login).items()}
        return numbers | {"X-RateLimit-Resource": "core"}

    def count(self, login: str) -> None:
        """:raises Refused: 403 if the hour's requests are used up"""
        window = self._window(login)
        if self._enabled and window.used >= self._hourly:
            raise Refused(403, f"API rate limit exceeded for {login}.", headers=self.headers(login))
        window.used += 1

    def give_back(self, login: str) -> None:
        """Undoes the count of a request: a 304 is free."""
        self._window(login).used -= 1

    def count_write(self, login: str) -> None:
        """:raises Refused: 403 with ``Retry-After`` if there is too much content in a minute or an hour"""
        written, now = self._window(login).written, self._clock()
        while written and now - written[0] >= HOUR:
            written.popleft()
        for most, seconds in ((CONTENT_A_MINUTE, 60.0), (CONTENT_AN_HOUR, HOUR)):
            # The oldest write that must leave the window before there is room for another.
            if self._enabled and len(written) >= most and now - written[-most] < seconds:
                wait = max(1, round(written[-most] + seconds - now + 0.5))
                raise Refused(403, SECONDARY_MESSAGE, headers={"Retry-After": str(wait)})
        written.append(now)

    def _window(self, login: str) -> _Window:
        window = self._windows.get(login)
        now = self._clock()
        if window is None or now >= window.ends:
            written = window.written if window else deque[float]()
            window = self._windows[login] = _Window(now + HOUR, written=written)
        return window
