"""Searches a delivery log for failures, and redelivers those that are worth it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot import log
from bot.errors import ErrorKind, UpstreamError
from bot.github.events import ACTIONS
from bot.github.hooks import Delivered, DeliveryLog, Hooks
from bot.storage.deliveries import MissedDeliveries, Redelivery
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

LOG_RETENTION = timedelta(days=3)
"""How long the log goes back, and the age up to which a command is answered
(https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries)."""

FIRST_LOOK_BACK = timedelta(hours=1)
"""How far the first round on a new database goes back. Not further: older failures were meant for no bot, or for one
whose replies are not in this database. Not less: a user who writes a first comment before the new server is started
would get no reply; nor would the users of a container that lost its file."""

OVERLAP = timedelta(minutes=5)
"""By which a round overlaps the last one: for clocks that differ, and for attempts that took long."""

MAX_ENTRIES = 10_000
"""Log entries read in one round; a bot that was down for days on a busy organization needs several rounds."""

GAPS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""Delays after the first, second, ... redelivery until the next one, if it failed as well. A bot that is up accepts the
first; whatever fails five times in seven hours is given up."""

MAX_REQUESTS = len(GAPS) + 1

_REFUSED = frozenset({400, 401, 413, 415})
"""Responses of the bot to what it will not accept later either: unsigned, or not in GitHub's form."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a log's failures.

    :param now: to be redelivered, the oldest first
    :param later: redelivered, and failed again recently
    """

    now: list[Delivered]
    later: list[Delivered]


def can_hold_a_command(delivered: Delivered) -> bool:
    return delivered.action in ACTIONS.get(delivered.event, ())


def decide(failed: Iterable[Delivered], requested: Mapping[str, Redelivery], *, now: datetime) -> Decision:
    """Decides by the last failed attempt of each delivery.

    :param failed: those that can hold a command, of which none succeeded later
    :param requested: requested redeliveries by the deliveries' GUIDs
    """
    decision = Decision([], [])
    last = {each.guid: each for each in sorted(failed, key=_order)}
    for attempt in sorted(last.values(), key=_order):
        before = requested.get(attempt.guid)
        if attempt.status_code in _REFUSED:
            continue
        if before is None:
            decision.now.append(attempt)
        # Only a redelivery can be the requested one: two hooks of one event share a GUID, and one delivery is enough.
        elif attempt.is_redelivery and attempt.id != before.delivery_id and before.requests < MAX_REQUESTS:
            is_due = now >= before.requested_at + GAPS[before.requests - 1]
            (decision.now if is_due else decision.later).append(attempt)
    return decision


def _order(delivered: Delivered) -> tuple[datetime, int]:
    return delivered.delivered_at, delivered.id


class DeliveryLogSearch:
    """Searches delivery logs.

    :param on_redelivery: called with ``asked`` for each requested redelivery, or with ``refused`` if GitHub rejected it
    :param pause: awaited between two requests that make GitHub deliver
    """

    def __init__(
        self,
        hooks: Hooks,
        store: MissedDeliveries,
        *,
        on_redelivery: Callable[[str], None],
        pause: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._hooks = hooks
        self._store = store
        self._on_redelivery = on_redelivery
        self._pause = pause
        self._now = now

    async def search(self, source: DeliveryLog) -> None:
        """One round, from where the last one ended. Without failures it is one request, which does not count if the log
        is unchanged.

        :raises UpstreamError: of kind NOT_FOUND or FORBIDDEN if the bot may not read the log; the next round begins
            where this one did
        """
        begun = self._now()
        searched = await run_in_thread(partial(self._store.searched_until, str(source)))
        since = max(searched or begun - FIRST_LOOK_BACK, begun - LOG_RETENTION) - OVERLAP
        failed = [each for each in await self._read(source, "failure", since) if can_hold_a_command(each)]
        guids = {each.guid for each in failed}
        requested = await run_in_thread(partial(self._store.redeliveries, guids)) if guids else {}
        decision = decide(failed, requested, now=begun)
        if decision.now:
            await self._redeliver(source, decision.now)
        until = min([begun, *(each.delivered_at for each in decision.later)])
        await run_in_thread(partial(self._store.set_searched, str(source), until=until))

    async def _read(self, source: DeliveryLog, status: str, since: datetime) -> list[Delivered]:
        found: list[Delivered] = []
        async for each in self._hooks.deliveries(source, status=status):
            if each.delivered_at < since or len(found) == MAX_ENTRIES:
                break
            found.append(each)
        return found

    async def _redeliver(self, source: DeliveryLog, deliveries: Collection[Delivered]) -> None:
        # Some may have been redelivered by hand; if that is not found, another redelivery is unnecessary, but harmless.
        since = min(each.delivered_at for each in deliveries)
        succeeded = {each.guid for each in await self._read(source, "success", since)}
        for delivery in deliveries:
            if delivery.guid not in succeeded:
                await self._request(source, delivery)
                await self._pause()

    async def _request(self, source: DeliveryLog, delivery: Delivered) -> None:
        """Recorded afterwards: a crash in between repeats the request, which is harmless; the other way round it would
        never be made."""
        before = (await run_in_thread(partial(self._store.redeliveries, [delivery.guid]))).get(delivery.guid)
        requests, outcome = (before.requests if before else 0) + 1, "asked"
        try:
            await self._hooks.redeliver(source, delivery.id)
        except UpstreamError as error:
            if error.kind not in {ErrorKind.INVALID, ErrorKind.NOT_FOUND}:
                raise
            # It is gone from the log, or its hook no longer accepts it.
            requests, outcome = MAX_REQUESTS, "refused"
        redelivery = Redelivery(delivery.id, requests, self._now())
        await run_in_thread(partial(self._store.set_redelivery, delivery.guid, redelivery))
        self._on_redelivery(outcome)
        _log.info(
            f"redelivery.{outcome}",
            delivery=delivery.guid,
            source=str(source),
            failed=delivery.status,
            times=requests,
        )
