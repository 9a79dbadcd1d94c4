"""How many stories are at work at once.

A thousand commands in a minute are begun a few at a time, in their order, so that taking orders and telling stories
that are under way do not wait for beginnings. Whoever waits for others (a run, a person) gives the place to the next
one, so that no order waits for another's run; so does whoever takes long, for whatever reason.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PLACES = 8

LONGEST = 1.0
"""Seconds after which a story is taken for one that waits for others."""


class Places(Generic[T]):
    """Begins what is put in, first come first served.

    :param begin: begins one; what it raises is its own affair
    :param count: how many are at work at once
    :param longest: seconds that one keeps its place
    """

    def __init__(self, begin: Callable[[T], Awaitable[None]], *, count: int = PLACES, longest: float = LONGEST) -> None:
        self._begin = begin
        self._free = count
        self._longest = longest
        self._queue: deque[tuple[str, T]] = deque()
        self._taken: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    def put(self, name: str, work: T) -> None:
        """:param name: by which the place is given back"""
        self._queue.append((name, work))
        self._go_on()

    def leave(self, name: str) -> None:
        """Gives a place back; one that is not taken any more is left alone."""
        if (timer := self._taken.pop(name, None)) is not None:
            timer.cancel()
            self._free += 1
            self._go_on()

    async def aclose(self) -> None:
        """Begins nothing more, and waits for what is being begun."""
        self._closed = True
        self._queue.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._taken.values():
            timer.cancel()
        self._taken.clear()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._free and self._queue and not self._closed:
            name, work = self._queue.popleft()
            self._free -= 1
            self._taken[name] = loop.call_later(self._longest, self.leave, name)
            # In a context of its own: what is logged of it belongs to it, and not to whoever put it in or made room.
            task = loop.create_task(self._begin_one(work), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _begin_one(self, work: T) -> None:
        await self._begin(work)
