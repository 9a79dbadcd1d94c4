"""Gauges of the job queue and of the agents' turns, updated when the metrics are read."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from bot import log
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.storage.agent_models import TurnCounts
from bot.storage.jobs import Queue
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

COUNT_CACHED = 5.0
"""Seconds for which a count of the queue is reused, so that frequent readers of the metrics do not make the database
count as often."""


class _Counted(Protocol):
    @property
    def oldest(self) -> datetime | None: ...


C = TypeVar("C", bound=_Counted)


class _CountedQueue(Generic[C]):
    """A queue that is counted at most once in `COUNT_CACHED` seconds.

    :param failed: the event that is logged if it cannot be counted
    :param count: counts the queue
    :param now: the time
    :param clock: monotonic, in seconds
    :param timeout: seconds that a reader waits for the count
    """

    def __init__(
        self,
        metrics: Metrics,
        count: Callable[[], Awaitable[C]],
        *,
        failed: str,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        timeout: float = 1.0,
    ) -> None:
        self._count = count
        self._failed = failed
        self._now = now
        self._clock = clock
        self._timeout = timeout
        self._counted_at = -math.inf
        self._counting: asyncio.Task[None] | None = None
        self._queue: C | None = None
        metrics.look_up_before(self.look_up)

    async def look_up(self) -> None:
        """Updates the count if that is due. One that timed out continues, so that an unresponsive database does not get
        a further query from every reader."""
        if self._counting is None or self._counting.done():
            if self._clock() - self._counted_at < COUNT_CACHED:
                return
            self._counted_at = self._clock()
            self._counting = asyncio.create_task(self._update(), name=f"{type(self).__name__}-count")
        await asyncio.wait([self._counting], timeout=self._timeout)
        if not self._counting.done():
            self._queue = None

    async def aclose(self) -> None:
        if self._counting is not None:
            await cancel_and_wait(self._counting)

    async def _update(self) -> None:
        try:
            self._queue = await self._count()
        except StoreError as error:
            self._queue = None
            _log.warning(self._failed, reason=str(error))

    def _value(self, value: Callable[[C], float]) -> Callable[[], float]:
        return lambda: math.nan if self._queue is None else value(self._queue)

    def _age(self, queue: C) -> float:
        """Seconds."""
        return 0.0 if queue.oldest is None else max((self._now() - queue.oldest).total_seconds(), 0.0)


class QueueGauges(_CountedQueue[Queue]):
    """Depth and age of the job queue; NaN if the database does not respond."""

    def __init__(
        self,
        metrics: Metrics,
        count: Callable[[], Awaitable[Queue]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        timeout: float = 1.0,
    ) -> None:
        super().__init__(metrics, count, failed="queue.count_failed", now=now, clock=clock, timeout=timeout)
        metrics.queue_depth.set_function(self._value(lambda queue: queue.depth))
        metrics.queue_oldest.set_function(self._value(self._age))


class TurnGauges(_CountedQueue[TurnCounts]):
    """The turns of agents of one's own that wait and run; NaN if the database does not respond."""

    def __init__(
        self,
        metrics: Metrics,
        count: Callable[[], Awaitable[TurnCounts]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        timeout: float = 1.0,
    ) -> None:
        super().__init__(metrics, count, failed="turns.count_failed", now=now, clock=clock, timeout=timeout)
        metrics.agent_turns_queued.set_function(self._value(lambda turns: turns.queued))
        metrics.agent_turns_running.set_function(self._value(lambda turns: turns.running))
        metrics.agent_turns_oldest.set_function(self._value(self._age))
