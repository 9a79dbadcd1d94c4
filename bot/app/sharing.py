"""What processes on one database share: its locks, their names, and one look at the runs for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.engine import Engine as Database

from bot.app.clients import Clients, Pace
from bot.codegen.sightings import RunSource, UpstreamRuns
from bot.codegen.watcher import RunWatcher
from bot.config import Settings
from bot.engine.takeover import claim_name
from bot.shared_runs import SharedRuns
from bot.store.locks import Locks, open_locks
from bot.store.watched_runs import WatchedRuns


@asynccontextmanager
async def holding(database: Database) -> AsyncIterator[Locks]:
    """The process's locks.

    :raises SettingsError: where another process has the database for itself
    """
    locks = open_locks(database)
    try:
        yield locks
    finally:
        await locks.aclose()


@asynccontextmanager
async def watching(
    worlds: Clients,
    settings: Settings,
    pace: Pace,
    database: Database,
    locks: Locks,
    witness: Callable[[RunSource], RunSource],
) -> AsyncIterator[tuple[str, Clients, Callable[[], float]]]:
    """The process' name among those on the database, clients whose watcher is shared with them, and how many seconds
    ago the watched runs were last seen."""
    executor_id = await claim_name(locks, settings.executor_id)
    if database.dialect.name == "sqlite":
        # Nobody to share with.
        yield executor_id, worlds, lambda: worlds.watcher.lag
        return
    shared = SharedRuns(
        WatchedRuns(database, settings.codegen_org_id),
        witness(UpstreamRuns(worlds.codegen)),
        locks,
        executor=executor_id,
        shortest=pace.shortest,
        longest=pace.longest,
        sleep=pace.sleep,
    )
    leading = asyncio.create_task(shared.lead(), name="shared-watcher")
    watcher = RunWatcher(shared, shortest=pace.shortest, longest=pace.longest, sleep=pace.sleep)
    try:
        yield executor_id, replace(worlds, watcher=watcher), lambda: max(watcher.lag, shared.lag)
    finally:
        await watcher.aclose()
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
