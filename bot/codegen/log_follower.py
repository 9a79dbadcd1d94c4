"""Follows a run's log: yields each entry once, as it arrives, until the run has ended and its log is fully read.

Entries have no id. Their position counts, so after an interruption the number of received entries is where to continue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bot import log
from bot.codegen.client import Codegen
from bot.codegen.models import PAGE_SIZE, LogEntry, LogPage, normalise
from bot.codegen.polling import DEFAULT_INTERVAL, PollInterval
from bot.errors import UpstreamError
from bot.upstream import outage_delay, retried

_log = log.get(__name__)

QUIET_SHARE = 5.0
"""Seconds without an entry per second of the poll interval."""


async def follow_log(
    codegen: Codegen,
    run_id: int,
    *,
    start: int = 0,
    first: LogPage | None = None,
    interval: PollInterval = DEFAULT_INTERVAL,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[tuple[int, LogEntry]]:
    """The entries from the `start`-th on, each with its position, counted from 0.

    :param first: the page there, if it has been read already
    :param interval: between two polls, the longer the longer no entries have arrived
    :raises UpstreamError: if Codegen permanently refuses access to the log, or does not respond for long
    """
    quiet_since = clock()

    async def read(position: int) -> LogPage:
        nonlocal first
        if first is not None:
            page, first = first, None
            return page

        async def attempt() -> LogPage:
            return await codegen.logs_page(run_id, skip=position, limit=PAGE_SIZE)

        return await retried(attempt, delay=outage_delay, sleep=sleep, on_retry=on_retry)

    def on_retry(error: UpstreamError, seconds: float) -> None:
        _log.warning("log_follower.codegen_unavailable", run=run_id, seconds=seconds, reason=str(error))

    async def wait(part: Part) -> None:
        quiet = (clock() - quiet_since) / QUIET_SHARE
        await sleep(min(max(quiet, interval.shortest), interval.longest) if part.is_working else interval.shortest)

    async for part in follow_parts(read, start=start, wait=wait):
        for position, entry in enumerate(part.page.logs, part.position):
            yield position, entry
        if part.page.logs:
            quiet_since = clock()


@dataclass(frozen=True, slots=True)
class Part:
    """The result of one poll.

    :param position: position of its first entry, counted from 0
    """

    position: int
    page: LogPage

    @property
    def is_working(self) -> bool:
        return not normalise(self.page.status).finished


async def follow_parts(
    read: Callable[[int], Awaitable[LogPage]], *, start: int = 0, wait: Callable[[Part], Awaitable[None]]
) -> AsyncIterator[Part]:
    """The same for callers with their own way to poll and to wait.

    :param read: reads a page from a position on
    :param wait: waits until the next poll, after a part with nothing behind it for now
    """
    position, was_working = start, False
    while True:
        part = Part(position, await read(position))
        yield part
        position += len(part.page.logs)
        if not _is_complete(part.page, position):
            continue
        # The last entries may arrive shortly after the run's last status: then poll once more.
        if not part.is_working and not was_working:
            return
        was_working = part.is_working
        await wait(part)


def _is_complete(page: LogPage, position: int) -> bool:
    """Whether there is nothing more for now."""
    if not page.logs or page.total_logs is None:
        return len(page.logs) < PAGE_SIZE
    return position >= page.total_logs
