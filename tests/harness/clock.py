"""Clocks for tests. Their time advances only by a call of the test, or by a sleep of the tested code."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class Clock:
    """A clock in seconds, called for the time. A sleep returns at once, and advances the time."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self.now += seconds


class SharedClock:
    """A clock in seconds for concurrent tasks: time advances when all of them sleep, to the earliest end of a sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._numbers = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wakes = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), wakes))
        await wakes

    async def settle(self) -> None:
        """Runs every task that is ready."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined] # noqa: SLF001 - nothing else shows it
        await asyncio.sleep(0)
        while ready:  # noqa: ASYNC110 - nothing would set an event
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            await self._wake_next()
        self.now = until
        await self.settle()

    async def run(self, *tasks: Awaitable[Any]) -> None:
        """Advances the time until all of these are done."""
        done = asyncio.gather(*tasks)
        await self.settle()
        while not done.done():
            assert self._sleepers, "they wait for something else than time"
            await self._wake_next()
        await done

    async def _wake_next(self) -> None:
        moment, _, wakes = heapq.heappop(self._sleepers)
        self.now = max(self.now, moment)
        if not wakes.done():
            wakes.set_result(None)
        await self.settle()


class LoopClock:
    """Advances the running loop's time: timeouts and timers expire on demand, however busy the machine is."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._real = self._loop.time
        self._passed = 0.0
        self._loop.time = self._now  # type: ignore[method-assign]

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time passes by `advance` only: no timeout expires, however long something takes."""
        real, now = self._real, self._real()
        self._real = lambda: now
        try:
            yield
        finally:
            self._real = real

    def _now(self) -> float:
        return self._real() + self._passed


class WorldClock:
    """The time of day in the bot, at Codegen and at GitHub."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._passed = timedelta()
        self._set_by = timedelta()

    def begin_at(self, moment: datetime) -> None:
        """Sets the current time, to that of a clock created slightly later: on a busy machine they can differ by a second."""
        self._began = moment - self._passed

    def now(self) -> datetime:
        """The time of day on the bot's machine."""
        return self._began + self._passed + self._set_by

    def now_at_github(self) -> datetime:
        """GitHub's time of day: it passes by itself, and advances along with this clock."""
        return datetime.now(UTC) + self._passed

    def seconds(self) -> float:
        return self._passed.total_seconds()

    def advance(self, passed: timedelta) -> None:
        self._passed += passed

    def set(self, by: timedelta) -> None:
        """Sets the clock of the bot's machine; no time passes."""
        self._set_by += by
