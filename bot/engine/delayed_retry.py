"""Retries after a delay what the database did not accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DelayedRetry:
    """Schedules work; after `close` nothing is scheduled.

    :param delay: in seconds
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._timers: set[asyncio.TimerHandle] = set()
        self._closed = False

    def schedule(self, work: Callable[[], None]) -> None:
        """Runs it after the delay, unless `close` is called before."""

        def run() -> None:
            self._timers.discard(timer)
            work()

        if self._closed:
            return
        timer = asyncio.get_running_loop().call_later(self._delay, run)
        self._timers.add(timer)

    def close(self) -> None:
        self._closed = True
        for timer in self._timers:
            timer.cancel()
