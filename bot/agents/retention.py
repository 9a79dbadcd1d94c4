"""Deletes the logs of old runs, which are megabytes each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from bot import log
from bot.errors import StoreError
from bot.storage.queries import run_in_thread

_log = log.get(__name__)

RETENTION = timedelta(days=90)
"""How long the log of a run is kept after its end."""

INTERVAL = 3600.0
"""Seconds between two deletions."""


class LogStore(Protocol):
    """The part of `bot.storage.agents.AgentStore` that is needed here."""

    def delete_old_logs(self, *, before: datetime) -> int: ...


async def delete_old_logs(
    store: LogStore,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Deletes the logs of runs that ended long ago, until it is cancelled; a few runs at a time, so that other writers
    need not wait."""
    while True:
        try:
            while deleted := await run_in_thread(partial(store.delete_old_logs, before=now() - RETENTION)):
                _log.info("agents.logs_deleted", runs=deleted)
        except StoreError as error:
            _log.warning("agents.logs_not_deleted", reason=str(error))
        await sleep(INTERVAL)
