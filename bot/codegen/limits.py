"""Codegen's rate limits, kept on our side: better to wait for a slot than to provoke a 429."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

WINDOWS: dict[str, tuple[int, float]] = {
    "read": (60, 30.0),
    "logs": (60, 60.0),
    "create": (10, 60.0),
    "setup-commands": (5, 60.0),
    "analyze-logs": (5, 60.0),
    "edit-pull-request": (30, 60.0),
}
"""Requests and seconds for each class of operation, as the API's description states them."""


class _Window:
    def __init__(self, count: int, seconds: float) -> None:
        self.seconds = seconds
        self.taken: deque[float] = deque(maxlen=count)
        self.paused_until = 0.0
        self.turn = asyncio.Lock()

    def wait(self, now: float) -> float:
        full = len(self.taken) == self.taken.maxlen
        return max(self.paused_until - now, self.taken[0] + self.seconds - now if full else 0.0, 0.0)


class Limits:
    """Sliding windows for one token: first come, first served. A class of operation without a window never waits."""

    def __init__(
        self,
        windows: Mapping[str, tuple[int, float]] = WINDOWS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._windows = {name: _Window(count, seconds) for name, (count, seconds) in windows.items()}
        self._clock = clock
        self._sleep = sleep

    async def slot(self, name: str | None) -> None:
        """Waits until a request of this class may be sent, and counts it."""
        window = self._windows.get(name or "")
        if window is None:
            return
        async with window.turn:
            while (wait := window.wait(self._clock())) > 0:
                await self._sleep(wait)
            window.taken.append(self._clock())

    def wait_for(self, name: str) -> float:
        """Seconds until the next slot, not counting those who wait already."""
        window = self._windows.get(name)
        return window.wait(self._clock()) if window else 0.0

    def pause(self, name: str | None, seconds: float) -> None:
        """The API itself asked everybody to wait: no slot of this class before that."""
        if (window := self._windows.get(name or "")) is not None:
            window.paused_until = max(window.paused_until, self._clock() + seconds)
