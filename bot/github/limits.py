"""GitHub's limits: which refusals mean "slow down", and our own budget of writes that keeps from provoking them.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and, for the second between two writes,
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from bot import log

_log = log.get(__name__)

UNSAID_WAIT = 60.0
"""Seconds to wait after a limit that does not say how long."""

WINDOWS = ((60.0, 80), (3600.0, 500))
"""Seconds, and how many writes may fall into them."""

WORTH_TELLING = 10.0
"""A wait of more seconds than this is worth a log line."""


def limited_for(status: int, headers: Mapping[str, str], message: str, *, now: float) -> float | None:
    """Seconds to wait where a refusal is a rate limit, the primary or a secondary one; None where it is none.

    Every answer carries x-ratelimit-reset, but only with nothing remaining is it what must be waited for.

    :param now: seconds since the epoch
    """
    if status not in {403, 429}:
        return None
    if (wait := seconds(headers.get("retry-after"))) is not None:
        return wait
    if headers.get("x-ratelimit-remaining") == "0":
        reset = seconds(headers.get("x-ratelimit-reset"))
        return UNSAID_WAIT if reset is None else max(reset - now, 1.0)
    words = message.lower()
    if status == 429 or "rate limit" in words or "abuse detection" in words:
        return UNSAID_WAIT
    return None


def seconds(text: str | None) -> float | None:
    """A header's number, None where it holds none."""
    if text is None or not text.strip().isdecimal():
        return None
    return float(text)


class ContentBudget:
    """The writes of one account: 80 a minute, 500 an hour, a second apart once a few came at once; in their order.

    :param min_gap: seconds between two writes in the long run
    :param burst: how many may come at once after a quiet time
    :param clock: seconds that never go back
    """

    def __init__(
        self,
        *,
        min_gap: float = 1.0,
        burst: int = 5,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._min_gap = min_gap
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()  # its waiters are served in the order they came
        self._written: deque[float] = deque(maxlen=max(count for _, count in WINDOWS))
        self._evenly = 0.0  # when the writes so far would be through, one for each gap
        self._paused_until = 0.0

    async def slot(self) -> None:
        """Waits for the next write's turn and takes it. A waiter that is cancelled takes nothing."""
        async with self._turn:
            now = self._clock()
            while (due := self._due()) > now:  # again, because GitHub may say to pause meanwhile
                if due - now > WORTH_TELLING:
                    _log.warning("github.writes-wait", seconds=round(due - now, 1))
                await self._sleep(due - now)
                now = max(self._clock(), due)
            self._written.append(now)
            self._evenly = max(self._evenly, now) + self._min_gap

    def pause(self, wait: float) -> None:
        """GitHub said to wait this many seconds."""
        self._paused_until = max(self._paused_until, self._clock() + wait)

    @property
    def paused_for(self) -> float:
        """Seconds until GitHub may be asked anything again, 0 in general."""
        return max(self._paused_until - self._clock(), 0.0)

    def _due(self) -> float:
        """When the next write may go, by the clock."""
        moments = [self._paused_until, self._evenly - (self._burst - 1) * self._min_gap]
        for length, count in WINDOWS:
            if len(self._written) >= count:
                moments.append(self._written[-count] + length)
        return max(moments)
