"""Follows a run's log: yields each entry once, as it arrives, until the run has ended and its log is fully read.

Entries have no id. Their position counts, so after an interruption the number of received entries is where to continue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bot import log
from bot.codegen.client import PAGE_SIZE, Codegen
from bot.codegen.models import LogEntry, LogPage
from bot.codegen.states import normalise
from bot.codegen.watcher import OUTAGE_DELAYS
from bot.errors import RETRIED, UpstreamError

_log = log.get(__name__)

QUIET_SHARE = 5.0
"""Seconds without an entry per second of the poll interval."""


async def follow_log(
    codegen: Codegen,
    run_id: int,
    *,
    start: int = 0,
    shortest: float = 2.0,
    longest: float = 15.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[tuple[int, LogEntry]]:
    """The entries from the `start`-th on, each with its position, counted from 0.

    :param shortest: seconds between two polls while entries arrive
    :param longest: the same while none arrive
    :raises UpstreamError: if Codegen permanently refuses access to the log, or does not respond for long
    """
    quiet_since = clock()

    async def rest(part: Part) -> None:
        quiet = (clock() - quiet_since) / QUIET_SHARE
        await sleep(min(max(quiet, shortest), longest) if part.is_working else shortest)

    async for part in follow_parts(lambda place: _page(codegen, run_id, place, sleep), start=start, rest=rest):
        for place, entry in enumerate(part.page.logs, part.place):
            yield place, entry
        if part.page.logs:
            quiet_since = clock()


@dataclass(frozen=True, slots=True)
class Part:
    """The result of one poll.

    :param place: position of its first entry, counted from 0
    """

    place: int
    page: LogPage

    @property
    def is_working(self) -> bool:
        return not normalise(self.page.status).finished


async def follow_parts(
    look: Callable[[int], Awaitable[LogPage]], *, start: int = 0, rest: Callable[[Part], Awaitable[None]]
) -> AsyncIterator[Part]:
    """The same for callers with their own way to poll and to wait.

    :param look: reads a page from a position on
    :param rest: waits until the next poll, after a part with nothing behind it for now
    """
    place, was_working = start, False
    while True:
        part = Part(place, await look(place))
        yield part
        place += len(part.page.logs)
        if not _is_read(part.page, place):
            continue
        # The last entries may arrive shortly after the run's last status: then poll once more.
        if not part.is_working and not was_working:
            return
        was_working = part.is_working
        await rest(part)


def _is_read(page: LogPage, place: int) -> bool:
    """Whether there is nothing more for now."""
    if not page.logs or page.total_logs is None:
        return len(page.logs) < PAGE_SIZE
    return place >= page.total_logs


async def _page(codegen: Codegen, run_id: int, place: int, sleep: Callable[[float], Awaitable[None]]) -> LogPage:
    """The next page; waits during an outage."""
    for delay in OUTAGE_DELAYS:
        try:
            return await codegen.logs_page(run_id, skip=place, limit=PAGE_SIZE)
        except UpstreamError as error:
            if error.kind not in RETRIED:
                raise
            _log.warning("log_follower.codegen_unavailable", run=run_id, seconds=delay, reason=str(error))
            await sleep(max(delay, error.retry_after or 0.0))
    return await codegen.logs_page(run_id, skip=place, limit=PAGE_SIZE)
