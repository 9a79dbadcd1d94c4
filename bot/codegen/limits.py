"""Client-side rate limits for Codegen: waits for a slot rather than provoke a 429."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.errors import Service
from bot.observer import NO_OBSERVER, Observer

WINDOWS: dict[str, tuple[int, float]] = {
    "read": (60, 30.0),
    "logs": (60, 60.0),
    "create": (10, 60.0),
    "setup-commands": (5, 60.0),
    "analyze-logs": (5, 60.0),
    "edit-pull-request": (30, 60.0),
}
"""Requests and seconds for each class of operation, as in the API's description."""


@dataclass(eq=False, slots=True)
class _Slot:
    """A request that counts from `at` on; infinity while it is in flight."""

    at: float


class _Window:
    def __init__(self, count: int, seconds: float) -> None:
        self.count = count
        self.seconds = seconds
        self.taken: list[_Slot] = []
        self.paused_until = 0.0
        self.turn = asyncio.Lock()

    def wait(self, now: float) -> float:
        self.taken = [slot for slot in self.taken if slot.at + self.seconds > now]
        if len(self.taken) < self.count:
            return max(self.paused_until - now, 0.0)
        soonest = min(slot.at for slot in self.taken) + self.seconds - now
        # While all are in flight, it is unknown when the first one ends: checked again after a while.
        return max(self.paused_until - now, self.seconds / 10 if soonest == math.inf else soonest)


class RateLimits:
    """Sliding windows for one token: first come, first served. A class of operation without a window never waits.

    :param observer: called for every wait
    """

    def __init__(
        self,
        windows: Mapping[str, tuple[int, float]] = WINDOWS,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observer: Observer = NO_OBSERVER,
    ) -> None:
        self._windows = {name: _Window(count, seconds) for name, (count, seconds) in windows.items()}
        self._clock = clock
        self._sleep = sleep
        self._observer = observer

    @asynccontextmanager
    async def slot(self, name: str | None) -> AsyncIterator[None]:
        """Waits until a request of this class may be sent, which lasts as long as the context.

        It counts from its end on: the API counts it on arrival, which is later than it was sent. Counted from the time
        of sending, one that was in flight for long and sixty quick ones after it would arrive at the API as sixty-one.
        """
        window = self._windows.get(name or "")
        if window is None:
            yield
            return
        slot, since = _Slot(math.inf), self._clock()
        has_waited = window.turn.locked()
        async with window.turn:
            while (wait := window.wait(self._clock())) > 0:
                has_waited = True
                await self._sleep(wait)
            window.taken.append(slot)
        if has_waited:
            self._observer.waited(Service.CODEGEN, name or "", self._clock() - since)
        try:
            yield
        finally:
            slot.at = self._clock()

    def wait_for(self, name: str) -> float:
        """Seconds until the next slot, not counting requests that wait already."""
        window = self._windows.get(name)
        return window.wait(self._clock()) if window else 0.0

    def is_mostly_free(self, name: str) -> bool:
        """Whether less than half of this class is used: then there is room for requests that are not urgent."""
        window = self._windows.get(name)
        return window is None or (window.wait(self._clock()) <= 0 and len(window.taken) < window.count / 2)

    def pause(self, name: str | None, seconds: float) -> None:
        """Blocks this class for that long, as the API requested."""
        if (window := self._windows.get(name or "")) is not None:
            window.paused_until = max(window.paused_until, self._clock() + seconds)
