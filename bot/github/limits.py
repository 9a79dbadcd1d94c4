"""GitHub's limits: which refusals mean "slow down", and our own budget of writes that keeps from provoking them.

Facts: "Rate limits for the REST API" and "Best practices for using the REST API" of GitHub's documentation.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

UNSAID_WAIT = 60.0
"""Seconds to wait after a secondary limit that does not say how long."""


def limited_for(status: int, headers: Mapping[str, str], message: str, *, now: float) -> float | None:
    """Seconds to wait where a refusal is a rate limit, the primary or a secondary one; None where it is none.

    :param now: seconds since the epoch
    """
    if status not in {403, 429}:
        return None
    if (wait := _number(headers.get("retry-after"))) is not None:
        return wait
    if headers.get("x-ratelimit-remaining") == "0" and (reset := _number(headers.get("x-ratelimit-reset"))) is not None:
        return max(reset - now, 1.0)
    if status == 429 or "secondary rate limit" in message.lower() or "abuse detection" in message.lower():
        return UNSAID_WAIT
    return None


def _number(text: str | None) -> float | None:
    try:
        return max(float(text), 0.0) if text is not None else None
    except ValueError:
        return None


class WriteBudget:
    """At most 80 writes a minute and 500 an hour, and a second between them once a few came at once; first come, first
    served."""

    WINDOWS = ((60.0, 80), (3600.0, 500))
    BURST = 5
    GAP = 1.0

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._written: deque[float] = deque(maxlen=max(count for _, count in self.WINDOWS))
        self._turn = asyncio.Lock()

    async def slot(self) -> None:
        """Waits for the next write's turn and takes it."""
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            self._written.append(self._clock())

    def _wait(self) -> float:
        now = self._clock()
        waits = [0.0]
        for seconds, count in (*self.WINDOWS, (self.BURST * self.GAP, self.BURST)):
            if len(self._written) >= count:
                waits.append(self._written[-count] + seconds - now)
        return max(waits)
