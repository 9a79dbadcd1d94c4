"""Gauges of the job queue, updated when the metrics are read."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from bot import log
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.store.jobs import Queue

_log = log.get(__name__)

BELIEVED = 5.0
"""Seconds for which a count of the queue is reused, so that frequent readers of the metrics do not make the database
count as often."""


class QueueGauges:
    """Depth and age of the queue; NaN if the database does not respond.

    :param ask: counts the queue
    :param now: the time
    :param clock: monotonic, in seconds
    :param patience: seconds that a reader waits for the count
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Queue]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        patience: float = 1.0,
    ) -> None:
        self._ask = ask
        self._now = now
        self._clock = clock
        self._patience = patience
        self._asked_at = -math.inf
        self._looking: asyncio.Task[None] | None = None
        self._queue: Queue | None = None

    async def look_up(self) -> None:
        """Updates the count if that is due. One that timed out continues, so that an unresponsive database does not get
        a further query from every reader."""
        if self._looking is None or self._looking.done():
            if self._clock() - self._asked_at < BELIEVED:
                return
            self._asked_at = self._clock()
            self._looking = asyncio.create_task(self._look(), name="queue-gauges")
        await asyncio.wait([self._looking], timeout=self._patience)
        if not self._looking.done():
            self._queue = None

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def depth(self) -> float:
        return math.nan if self._queue is None else self._queue.depth

    def oldest(self) -> float:
        """Seconds."""
        if self._queue is None:
            return math.nan
        oldest = self._queue.oldest
        return 0.0 if oldest is None else max((self._now() - oldest).total_seconds(), 0.0)

    def show_in(self, metrics: Metrics) -> None:
        metrics.look_up_before(self.look_up)
        metrics.watch("codegen_bot_queue_depth", self.depth)
        metrics.watch("codegen_bot_queue_oldest_seconds", self.oldest)

    async def _look(self) -> None:
        try:
            self._queue = await self._ask()
        except StoreError as error:
            self._queue = None
            _log.warning("queue.count_failed", reason=str(error))
