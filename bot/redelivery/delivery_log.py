"""Reads a delivery log once, and redelivers what failed and is worth it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial

from bot import log
from bot.errors import ErrorKind, UpstreamError
from bot.github.hooks import DeliveryLog, Hooks
from bot.github.models import Delivered
from bot.redelivery.redelivery_policy import MOST_TIMES, can_hold_a_command, judge
from bot.store.missed import Asked, MissedDeliveries
from bot.store.threads import run_in_thread

_log = log.get(__name__)

KEPT_BY_GITHUB = timedelta(days=3)
"""How long the log goes back, and the age up to which a command is answered
(https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries)."""

FIRST_LOOK_BACK = timedelta(hours=1)
"""How far the first round on a new database goes back. Not further: older failures were meant for no bot, or for one
whose replies are not in this database. Not less: a user who writes a first comment before the new server is started
would get no reply; nor would the users of a container that lost its file."""

OVERLAP = timedelta(minutes=5)
"""By which a round overlaps the last one: for clocks that differ, and for attempts that took long."""

MOST_READ = 10_000
"""Log entries read in one round; a bot that was down for days on a busy organization needs several rounds."""


class LogReader:
    """Reads delivery logs.

    :param tell: called with ``asked`` for each requested redelivery, or with ``refused`` if GitHub rejected it
    :param pause: awaited between two requests that make GitHub deliver
    """

    def __init__(
        self,
        hooks: Hooks,
        remembered: MissedDeliveries,
        *,
        tell: Callable[[str], None],
        pause: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._hooks = hooks
        self._remembered = remembered
        self._tell = tell
        self._pause = pause
        self._now = now

    async def look(self, source: DeliveryLog) -> None:
        """One round, from where the last one ended. Without failures it is one request, which does not count if the log
        is unchanged.

        :raises UpstreamError: of kind NOT_FOUND or FORBIDDEN if the bot may not read the log; the next round begins
            where this one did
        """
        begun = self._now()
        looked = await run_in_thread(partial(self._remembered.looked, str(source)))
        since = max(looked or begun - FIRST_LOOK_BACK, begun - KEPT_BY_GITHUB) - OVERLAP
        failed = await self._failed(source, since)
        judged = judge(failed, await self._asked(failed), now=begun)
        if judged.now:
            # Only if there is something to redeliver: this reads the log a second time.
            succeeded = await self._succeeded(source, judged.now[0].delivered_at, {each.guid for each in judged.now})
            for delivery in judged.now:
                if delivery.guid not in succeeded:
                    await self._ask(source, delivery)
        until = min([begun, *(each.delivered_at for each in judged.later)])
        await run_in_thread(partial(self._remembered.note_looked, str(source), until=until))

    async def _failed(self, source: DeliveryLog, since: datetime) -> list[Delivered]:
        found: list[Delivered] = []
        read = 0
        async for each in self._hooks.deliveries(source, status="failure"):
            read += 1
            if each.delivered_at < since or read > MOST_READ:
                break
            if can_hold_a_command(each):
                found.append(each)
        return found

    async def _asked(self, failed: Collection[Delivered]) -> dict[str, Asked]:
        if not failed:
            return {}
        return await run_in_thread(partial(self._remembered.asked, {each.guid for each in failed}))

    async def _succeeded(self, source: DeliveryLog, since: datetime, guids: set[str]) -> set[str]:
        """Which of them were redelivered by hand. If one is not found, its redelivery is unnecessary, but harmless."""
        found: set[str] = set()
        read = 0
        async for each in self._hooks.deliveries(source, status="success"):
            read += 1
            if each.delivered_at < since or read > MOST_READ:
                break
            if each.guid in guids:
                found.add(each.guid)
        return found

    async def _ask(self, source: DeliveryLog, delivery: Delivered) -> None:
        """Recorded afterwards: a crash in between repeats the request, which is harmless; the other way round it would
        never be made."""
        before = (await run_in_thread(partial(self._remembered.asked, [delivery.guid]))).get(delivery.guid)
        times, outcome = (before.times if before else 0) + 1, "asked"
        try:
            await self._hooks.redeliver(source, delivery.id)
        except UpstreamError as error:
            if error.kind not in {ErrorKind.INVALID, ErrorKind.NOT_FOUND}:
                raise
            # It is gone from the log, or its hook no longer accepts it.
            times, outcome = MOST_TIMES, "refused"
        asked = Asked(delivery.id, times, self._now())
        await run_in_thread(partial(self._remembered.note_asked, delivery.guid, asked))
        self._tell(outcome)
        _log.info(
            f"redelivery.{outcome}", delivery=delivery.guid, source=str(source), failed=delivery.status, times=times
        )
        await self._pause()
