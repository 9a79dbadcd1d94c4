"""Retries events that were refused because the config of their repository could not be read.

Without the config it is unknown whether such an event is a command: the file may set another prefix, or other labels.
GitHub got an error response, and may redeliver it; an event that is accepted twice counts once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Protocol

from bot import log
from bot.errors import ConfigUnknownError
from bot.execution.redelivery.delivery_log import LOG_RETENTION
from bot.github.events import Event, from_json, to_json
from bot.storage.deliveries import Deferred, DeferredEvents
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

ANSWERED_AFTER = timedelta(minutes=30)
"""After which a command with the default prefix gets the reply that the config cannot be read."""

GIVEN_UP_AFTER = LOG_RETENTION


async def defer(events: DeferredEvents, event: Event, *, at: datetime) -> bool:
    """Stores an event.

    :returns: whether it is stored: there may be too many, or the database may fail
    """
    thread = event.thread
    try:
        is_stored = await run_in_thread(partial(events.add, thread.repository, to_json(event), at=at))
    except Exception as error:  # noqa: BLE001 - GitHub keeps the delivery, whatever the error
        _log.error("event.not_stored", reason=type(error).__name__)
        return False
    _log.warning("event.deferred", repository=thread.repository, number=thread.number, stored=is_stored)
    return is_stored


class Handle(Protocol):
    """Handles an event."""

    async def __call__(self, event: Event, *, is_late: bool) -> object:
        """:param is_late: whether to reply although the config cannot be read
        :raises ConfigUnknownError: if it is still unknown whether it is a command
        """


class DeferredWatch:
    """Retries deferred events.

    :param is_leader: whether this process is the one that retries
    :param is_readable: whether the config of a repository is known, by its name
    :param every: seconds between two rounds
    """

    def __init__(
        self,
        events: DeferredEvents,
        *,
        is_leader: Callable[[], bool],
        is_readable: Callable[[str], Awaitable[bool]],
        handle: Handle,
        now: Callable[[], datetime],
        every: float,
    ) -> None:
        self._events = events
        self._is_leader = is_leader
        self._is_readable = is_readable
        self._handle = handle
        self._now = now
        self._every = every
        self._tried_late: set[str] = set()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._every)
            try:
                if self._is_leader():
                    await self.round()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round begins where this one did
                _log.warning("deferred_events.retry_failed", reason=type(error).__name__)

    async def round(self) -> None:
        """Retries all events that are due."""
        waiting = await run_in_thread(self._events.all)
        self._tried_late &= {each.key for each in waiting}
        for repository, events in groupby(sorted(waiting, key=_by_repository), key=lambda each: each.repository):
            is_readable = await self._is_readable(repository)
            for each in events:
                await self._process(each, is_readable=is_readable)

    async def _process(self, deferred: Deferred, *, is_readable: bool) -> None:
        age = self._now() - deferred.at
        is_late = age > ANSWERED_AFTER
        if is_readable or (is_late and deferred.key not in self._tried_late):
            await self._try(deferred, is_late=is_late)
        elif age > GIVEN_UP_AFTER:
            _log.error("event.given_up", repository=deferred.repository)
            await run_in_thread(partial(self._events.remove, deferred.key))

    async def _try(self, deferred: Deferred, *, is_late: bool) -> None:
        document = await run_in_thread(partial(self._events.document, deferred.key))
        if document is None:
            return
        try:
            await self._handle(from_json(document), is_late=is_late)
        except ConfigUnknownError:
            if is_late:
                self._tried_late.add(deferred.key)
            return
        except ValueError as error:
            _log.error("event.unreadable", repository=deferred.repository, reason=type(error).__name__)
        await run_in_thread(partial(self._events.remove, deferred.key))


def _by_repository(deferred: Deferred) -> tuple[str, datetime]:
    return deferred.repository, deferred.at
