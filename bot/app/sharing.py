"""Shares polling among the processes on one database: each is a member, and one polls the runs for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.engine import Engine as Database

from bot.app.clients import Clients, Timing
from bot.codegen.polling import RunSource, UpstreamRuns
from bot.codegen.watcher import RunWatcher
from bot.engine.membership import Membership
from bot.settings import Settings
from bot.shared_runs import SharedRuns
from bot.store.locks import is_shared
from bot.store.watched_runs import WatchedRuns


@asynccontextmanager
async def watching(
    worlds: Clients,
    settings: Settings,
    timing: Timing,
    database: Database,
    membership: Membership,
    witness: Callable[[RunSource], RunSource],
) -> AsyncIterator[tuple[Clients, Callable[[], float]]]:
    """Clients whose watcher is shared with the other processes, and how many seconds ago the watched runs were last
    polled."""
    if not is_shared(database):
        yield worlds, lambda: worlds.watcher.lag
        return
    shared = SharedRuns(
        WatchedRuns(database, settings.codegen_org_id),
        witness(UpstreamRuns(worlds.codegen)),
        executor=membership.executor,
        leads=lambda: membership.leads,
        shortest=timing.shortest,
        longest=timing.longest,
        sleep=timing.sleep,
    )
    leading = asyncio.create_task(shared.lead(), name="shared-watcher")
    watcher = RunWatcher(shared, shortest=timing.shortest, longest=timing.longest, sleep=timing.sleep)
    try:
        yield replace(worlds, watcher=watcher), lambda: max(watcher.lag, shared.lag)
    finally:
        await watcher.aclose()
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
