"""GitHub's limits: which refusals mean "slow down", and our own budget of writes that keeps from provoking them.

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

UNSAID_WAIT = 60.0
"""Seconds to wait after a limit that does not say how long."""

Window = tuple[float, int]
"""Seconds, and how many writes may fall into them."""

WINDOWS: tuple[Window, ...] = ((60.0, 80), (3600.0, 500))
"""What GitHub allows one account, or one installation, to write."""

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


class WritePriority(IntEnum):
    """Whose turn it is when several want to write: the smallest first, and those alike in the order they came."""

    FINAL_UPDATE = 0
    """What came of a command. It waits as long as it takes, and is never left out."""

    ORDINARY = 1
    """First words, labels, reactions: asked for, but nobody's result."""

    PROGRESS = 2
    """How a run is getting on: it never waits, because by then there would be something newer to say."""

    YIELDING = 3
    """Answers to people who may not write: they wait while anybody else writes."""


class DroppedError(BotError):
    """A progress edit was left out: nothing was sent. Its operation is the only argument."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """:param is_first: set while nobody stands before it"""

    urgency: WritePriority
    is_first: asyncio.Event = field(default_factory=asyncio.Event)


class ContentBudget:
    """The writes of one account: 80 a minute, 500 an hour, a second apart once a few came at once.

    Progress edits may have what the others leave: they go only while nobody waits and less than half of every window is
    used up. The other half is for the last words of what is at work: with 250 writes of an hour left, 200 commands can
    end in the same moment, each with a word and some with a reaction, whatever their progress has cost before. And they
    are spread: a sixth of their hour's share in ten minutes, or a busy quarter of an hour would be followed by three of
    silence.

    Answers to people who may not write have a tenth of each window, and nothing of the burst: whatever they ask for,
    the next write of anybody else has to wait for one gap at most.

    A write counts as long as it is under way, and from its end on: GitHub counts it when it arrives there. Counted from
    its sending, one that was long on its way and those that were quick an hour later would be more than 500 to GitHub.

    :param min_gap: seconds between two writes in the long run
    :param burst: how many may come at once after a quiet time
    :param windows: seconds, and how many writes may fall into them; none: there is no limit but the gap
    :param clock: seconds that never go back
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
        self._waiters: list[_Waiter] = []  # the next one first
        self._under_way = 0
        self._one_ended = asyncio.Event()
        self._written: deque[float] = deque(maxlen=max((count for _, count in windows), default=1))  # when they ended
        self._progress = _spread(windows)
        self._progressed: deque[float] = deque(maxlen=max((count for _, count in self._progress), default=1))
        self._yielding_share = [(length, max(count // 10, 1)) for length, count in windows]
        self._yielded: deque[float] = deque(maxlen=max((count for _, count in self._yielding_share), default=1))
        self._evenly = 0.0  # when the writes so far would be through, one for each gap
        self._paused_until = 0.0

    @asynccontextmanager
    async def place(self, urgency: WritePriority) -> AsyncIterator[float | None]:
        """A write's turn, for as long as the context lasts.

        Progress does not wait: where there is no place to spare, it gets none. All others wait; one that is cancelled
        by then takes nothing.

        :returns: the seconds that it has waited; None: nothing may be sent
        """
        if urgency is WritePriority.PROGRESS and not self._can_spare():
            yield None
            return
        waited = 0.0 if urgency is WritePriority.PROGRESS else await self._turn(urgency)
        now = self._clock()
        self._under_way += 1
        self._evenly = max(self._evenly, now) + self._min_gap
        if urgency is WritePriority.PROGRESS:
            self._progressed.append(now)
        if urgency is WritePriority.YIELDING:
            self._yielded.append(now)
        try:
            yield waited
        finally:
            self._under_way -= 1
            self._written.append(self._clock())
            self._one_ended.set()

    async def _turn(self, urgency: WritePriority) -> float:
        """Waits until a write may go.

        :returns: seconds
        """
        waiter = _Waiter(urgency)
        now = since = self._clock()
        # Behind its like: `insort` goes to the right of what is equal.
        insort(self._waiters, waiter, key=lambda each: each.urgency)
        self._call_first()
        try:
            while True:
                await waiter.is_first.wait()
                now, due = max(self._clock(), now), self._due_for(urgency)
                if due <= now:
                    break
                # Meanwhile somebody more urgent may come to stand before it, or GitHub may say to pause.
                if due == math.inf:
                    self._one_ended.clear()
                    await self._one_ended.wait()
                    continue
                if due - now > WORTH_TELLING and urgency is not WritePriority.YIELDING:
                    _log.warning("github.writes_queued", seconds=round(due - now, 1), urgency=urgency.name.lower())
                await self._sleep(due - now)
                now = due  # whoever wakes a tick too early has waited all the same
        finally:
            self._waiters.remove(waiter)
            self._call_first()
        return now - since

    def pause(self, wait: float) -> None:
        """GitHub said to wait this many seconds."""
        self._paused_until = max(self._paused_until, self._clock() + wait)

    @property
    def paused_for(self) -> float:
        """Seconds until GitHub may be asked anything again, 0 in general."""
        return max(self._paused_until - self._clock(), 0.0)

    def _can_spare(self) -> bool:
        """Whether there is room for progress."""
        now = self._clock()
        return (
            all(waiter.urgency is WritePriority.YIELDING for waiter in self._waiters[:1])
            and self._due() <= now
            and all(_due(self._written, length, count // 2 - self._under_way) <= now for length, count in self._windows)
            and all(_due(self._progressed, length, count) <= now for length, count in self._progress)
        )

    def _call_first(self) -> None:
        for waiter in self._waiters[1:2]:
            # Only the one that stood first until now can be there with its call.
            waiter.is_first.clear()
        for waiter in self._waiters[:1]:
            waiter.is_first.set()

    def _due_for(self, urgency: WritePriority) -> float:
        """When the next write of this urgency may go."""
        if urgency is not WritePriority.YIELDING:
            return self._due()
        share = [_due(self._yielded, length, count) for length, count in self._yielding_share]
        return max(self._due(), self._evenly, *share)

    def _due(self) -> float:
        """When the next write may go, by the clock; infinity: not before one of those under way has ended."""
        windows = [_due(self._written, length, count - self._under_way) for length, count in self._windows]
        return max(self._paused_until, self._evenly - (self._burst - 1) * self._min_gap, *windows)


def _due(written: deque[float], length: float, count: int) -> float:
    """When a window of that length, into which so many may fall, has room for one more, by the clock."""
    if count <= 0:
        return math.inf
    return written[-count] + length if len(written) >= count else 0.0


def _spread(windows: Sequence[Window]) -> list[Window]:
    """How progress edits by themselves are spread over the longest window."""
    return [(length / 6, max(count // 12, 1)) for length, count in windows if length == max(windows)[0]]
