"""GitHub's rate limits: which refusals mean "slow down", and the bot's own write budget that avoids them.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and, for the second between two writes,
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import asyncio
import math
import time
from bisect import insort
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from bot import log
from bot.errors import BotError

_log = log.get(__name__)

DEFAULT_WAIT = 60.0
"""Seconds to wait after a limit that does not give a time."""

Window = tuple[float, int]
"""Seconds, and the number of writes allowed in them."""

WINDOWS: tuple[Window, ...] = ((60.0, 80), (3600.0, 500))
"""The writes that GitHub allows one account, or one installation."""

LOGGED_WAIT = 10.0
"""Waits of more seconds than this are logged."""


def limited_for(status: int, headers: Mapping[str, str], message: str, *, now: float) -> float | None:
    """Seconds to wait if a refusal is a rate limit, primary or secondary; None if it is none.

    Every response carries x-ratelimit-reset, but it applies only if nothing is remaining.

    :param now: seconds since the epoch
    """
    if status not in {403, 429}:
        return None
    if (wait := seconds(headers.get("retry-after"))) is not None:
        return wait
    if headers.get("x-ratelimit-remaining") == "0":
        reset = seconds(headers.get("x-ratelimit-reset"))
        return DEFAULT_WAIT if reset is None else max(reset - now, 1.0)
    words = message.lower()
    if status == 429 or "rate limit" in words or "abuse detection" in words:
        return DEFAULT_WAIT
    return None


def seconds(text: str | None) -> float | None:
    """A header's number; None if it has none."""
    if text is None or not text.strip().isdecimal():
        return None
    return float(text)


class WritePriority(IntEnum):
    """The order of concurrent writes: the smallest value first, equal ones in the order of their arrival."""

    FINAL_UPDATE = 0
    """The result of a command. Waits as long as necessary, and is never dropped."""

    ORDINARY = 1
    """First replies, labels and reactions."""

    PROGRESS = 2
    """A run's progress. Never waits, because by then there would be something newer to report."""

    YIELDING = 3
    """Replies to people without write access: they wait while there are any other writes."""


class DroppedError(BotError):
    """A progress edit was dropped: nothing was sent. Its operation is the only argument."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """:param is_first: set while it is first in line"""

    priority: WritePriority
    is_first: asyncio.Event = field(default_factory=asyncio.Event)


class ContentBudget:
    """The write budget of one account: 80 a minute, 500 an hour, a second apart after a small burst.

    Progress edits may use what the others leave: they are sent only while nothing waits and less than half of every
    window is used. The other half is for the final updates of commands in progress: with 250 writes of an hour left,
    200 commands can end at the same moment, each with a reply and some with a reaction, whatever their progress has
    cost before. And they are spread: a sixth of their hourly share in ten minutes, or a busy quarter of an hour would
    be followed by three of silence.

    Replies to people without write access have a tenth of each window, and nothing of the burst: whatever they request,
    the next write of anybody else waits for one gap at most.

    A write counts while it is in flight, and from its end on: GitHub counts it on arrival. Counted from the time of
    sending, one that was in flight for long and quick ones an hour later would be more than 500 to GitHub.

    :param min_gap: seconds between two writes in the long run
    :param burst: how many may be sent at once after a quiet time
    :param windows: seconds, and the number of writes allowed in them; none: only the gap limits
    :param clock: monotonic, in seconds
    """

    def __init__(
        self,
        *,
        min_gap: float = 1.0,
        burst: int = 5,
        windows: Sequence[Window] = WINDOWS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._min_gap = min_gap
        self._burst = burst
        self._windows = windows
        self._clock = clock
        self._sleep = sleep
        self._waiters: list[_Waiter] = []  # first in line first
        self._in_flight = 0
        self._write_ended = asyncio.Event()
        self._written: deque[float] = deque(maxlen=max((count for _, count in windows), default=1))  # when they ended
        self._progress = _spread(windows)
        self._progress_sent: deque[float] = deque(maxlen=max((count for _, count in self._progress), default=1))
        self._yielding_share = [(length, max(count // 10, 1)) for length, count in windows]
        self._yielding_sent: deque[float] = deque(maxlen=max((count for _, count in self._yielding_share), default=1))
        self._spread_until = 0.0  # when the writes so far would be through, one per gap
        self._paused_until = 0.0

    @asynccontextmanager
    async def slot(self, priority: WritePriority) -> AsyncIterator[float | None]:
        """Acquires a write slot for as long as the context lasts.

        Progress updates never wait: without a free slot they are dropped. All others wait; one that is cancelled
        uses up nothing.

        :returns: the seconds that it has waited; None: nothing may be sent
        """
        if priority is WritePriority.PROGRESS and not self._can_spare():
            yield None
            return
        waited = 0.0 if priority is WritePriority.PROGRESS else await self._turn(priority)
        now = self._clock()
        self._in_flight += 1
        self._spread_until = max(self._spread_until, now) + self._min_gap
        if priority is WritePriority.PROGRESS:
            self._progress_sent.append(now)
        if priority is WritePriority.YIELDING:
            self._yielding_sent.append(now)
        try:
            yield waited
        finally:
            self._in_flight -= 1
            self._written.append(self._clock())
            self._write_ended.set()

    async def _turn(self, priority: WritePriority) -> float:
        """Waits until a write may be sent.

        :returns: seconds
        """
        waiter = _Waiter(priority)
        now = since = self._clock()
        # After its equals: `insort` inserts to the right of them.
        insort(self._waiters, waiter, key=lambda each: each.priority)
        self._wake_first()
        try:
            while True:
                await waiter.is_first.wait()
                now, due = max(self._clock(), now), self._due_for(priority)
                if due <= now:
                    break
                # Meanwhile a more urgent write may come first in line, or GitHub may request a pause.
                if due == math.inf:
                    self._write_ended.clear()
                    await self._write_ended.wait()
                    continue
                if due - now > LOGGED_WAIT and priority is not WritePriority.YIELDING:
                    _log.warning("github.writes_queued", seconds=round(due - now, 1), priority=priority.name.lower())
                await self._sleep(due - now)
                now = due  # waking up a tick too early counts as having waited
        finally:
            self._waiters.remove(waiter)
            self._wake_first()
        return now - since

    def pause(self, wait: float) -> None:
        """Blocks requests for this many seconds, as GitHub requested."""
        self._paused_until = max(self._paused_until, self._clock() + wait)

    @property
    def paused_for(self) -> float:
        """Seconds until requests to GitHub are allowed again, usually 0."""
        return max(self._paused_until - self._clock(), 0.0)

    def _can_spare(self) -> bool:
        """Whether there is room for progress."""
        now = self._clock()
        return (
            all(waiter.priority is WritePriority.YIELDING for waiter in self._waiters[:1])
            and self._due() <= now
            and all(_due(self._written, length, count // 2 - self._in_flight) <= now for length, count in self._windows)
            and all(_due(self._progress_sent, length, count) <= now for length, count in self._progress)
        )

    def _wake_first(self) -> None:
        for waiter in self._waiters[1:2]:
            # Only the one that was first until now can have its event set.
            waiter.is_first.clear()
        for waiter in self._waiters[:1]:
            waiter.is_first.set()

    def _due_for(self, priority: WritePriority) -> float:
        """When the next write of this priority may be sent."""
        if priority is not WritePriority.YIELDING:
            return self._due()
        share = [_due(self._yielding_sent, length, count) for length, count in self._yielding_share]
        return max(self._due(), self._spread_until, *share)

    def _due(self) -> float:
        """When the next write may be sent, by the clock; infinity: not before one of those in flight has ended."""
        windows = [_due(self._written, length, count - self._in_flight) for length, count in self._windows]
        return max(self._paused_until, self._spread_until - (self._burst - 1) * self._min_gap, *windows)


def _due(written: deque[float], length: float, count: int) -> float:
    """When a window of that length and count has room for one more, by the clock."""
    if count <= 0:
        return math.inf
    return written[-count] + length if len(written) >= count else 0.0


def _spread(windows: Sequence[Window]) -> list[Window]:
    """The additional windows that spread progress edits over the longest window."""
    return [(length / 6, max(count // 12, 1)) for length, count in windows if length == max(windows)[0]]
