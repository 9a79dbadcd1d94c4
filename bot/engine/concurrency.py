"""How many stories are at work at once.

A thousand commands in a minute are begun a few at a time, so that taking orders and telling stories that are under way
do not wait for beginnings. People take turns: whoever gives a hundred commands keeps nobody waiting for all of them.
Whoever waits for others (a run, a person) gives the place to the next one, so that no order waits for another's run; so
does whoever takes long, for whatever reason.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PLACES = 8

LONGEST = 1.0
"""Seconds after which a story is taken for one that waits for others."""


class ConcurrencyLimiter(Generic[T]):
    """Begins what is put in: one of each owner in turn, the first of an owner's first.

    :param begin: begins one; what it raises is its own affair
    :param count: how many are at work at once
    :param longest: seconds that one keeps its place
    """

    def __init__(self, begin: Callable[[T], Awaitable[None]], *, count: int = PLACES, longest: float = LONGEST) -> None:
        self._begin = begin
        self._free = count
        self._longest = longest
        self._queues: OrderedDict[str, deque[tuple[str, T]]] = OrderedDict()  # the owner whose turn is next first
        self._taken: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))

    def put(self, name: str, work: T, *, owner: str = "") -> None:
        """:param name: by which the place is given back
        :param owner: who takes turns with others
        """
        self._queues.setdefault(owner, deque()).append((name, work))
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
        self._queues.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._taken.values():
            timer.cancel()
        self._taken.clear()

    def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._free and self._queues and not self._closed:
            name, work = self._next()
            self._free -= 1
            self._taken[name] = loop.call_later(self._longest, self.leave, name)
            # In a context of its own: what is logged of it belongs to it, and not to whoever put it in or made room.
            task = loop.create_task(self._begin_one(work), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next(self) -> tuple[str, T]:
        owner, queue = self._queues.popitem(last=False)
        first = queue.popleft()
        if queue:
            self._queues[owner] = queue
        return first

    async def _begin_one(self, work: T) -> None:
        await self._begin(work)
