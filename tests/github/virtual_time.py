"""A clock for many who sleep at once: time passes only when all of them are asleep, up to the first who wakes."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable
from typing import Any


class VirtualTime:
    """Callable as a clock; seconds."""

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
        """Lets everybody go on who can."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined] # noqa: SLF001 - nothing else tells it
        await asyncio.sleep(0)
        while ready:  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(0)

    async def passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            await self._wake_next()
        self.now = until
        await self.settle()

    async def all(self, *works: Awaitable[Any]) -> None:
        """Lets time pass until all of these are done."""
        done = asyncio.gather(*works)
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
