"""What the database did not take, tried again after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DelayedRetry:
    """Work that waits for its time, until nothing is put off any more.

    :param delay: in seconds
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._timers: set[asyncio.TimerHandle] = set()
        self._closed = False

    def schedule(self, work: Callable[[], None]) -> None:
        """Does it after the delay; where the end has come, never."""

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
