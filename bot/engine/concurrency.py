"""Limits how many commands run at once.

A thousand commands in a minute are started a few at a time, so that accepting jobs and continuing running workflows do
not wait for new ones. Users take turns: one user's hundred commands do not hold up the others. A workflow that
waits for something else (a run, a confirmation), or that takes long for any reason, gives up its slot, so that no
command waits for another one's run.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SLOTS = 8

LONGEST = 1.0
"""Seconds after which a running command no longer counts against the concurrency limit."""


class ConcurrencyLimiter(Generic[T]):
    """Starts queued work, taking one item per owner in turn, each owner's oldest first.

    :param begin: starts one item; it handles its own errors
    :param count: maximum of items running at once
    :param longest: seconds for which an item keeps its slot
    """

    def __init__(self, begin: Callable[[T], Awaitable[None]], *, count: int = SLOTS, longest: float = LONGEST) -> None:
        self._begin = begin
        self._free = count
        self._longest = longest
        self._queues: OrderedDict[str, deque[tuple[str, T]]] = OrderedDict()  # the owner whose turn is next comes first
        self._taken: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        """The number of items that wait."""
        return sum(map(len, self._queues.values()))

    def put(self, name: str, work: T, *, owner: str = "") -> None:
        """:param name: by which the slot is released
        :param owner: whom to take turns with other owners
        """
        self._queues.setdefault(owner, deque()).append((name, work))
        self._start_next()

    def leave(self, name: str) -> None:
        """Releases a slot; does nothing if it has been released already."""
        if (timer := self._taken.pop(name, None)) is not None:
            timer.cancel()
            self._free += 1
            self._start_next()

    async def aclose(self) -> None:
        """Starts nothing more, and waits for what is being started."""
        self._closed = True
        self._queues.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._taken.values():
            timer.cancel()
        self._taken.clear()

    def _start_next(self) -> None:
        loop = asyncio.get_running_loop()
        while self._free and self._queues and not self._closed:
            name, work = self._next()
            self._free -= 1
            self._taken[name] = loop.call_later(self._longest, self.leave, name)
            # In a context of its own, so that log lines carry this item's values and not those of whoever freed the
            # slot.
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
