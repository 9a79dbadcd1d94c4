"""The wiring of Codegen's agents beside one's own: a client of Codegen's API, and the worker that follows its runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.engine import Engine as Database

from bot.agents.delegated import CONCURRENCY, TYPES, Delegation, delegate_turn
from bot.app.agents import AgentsBackend
from bot.app.clients import Timing
from bot.codegen.client import Codegen
from bot.codegen.polling import UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.observer import NO_OBSERVER
from bot.settings.model import Settings
from bot.storage.agent_turns import AgentTurns
from bot.tasks import running


@dataclass(frozen=True, slots=True)
class CodegenAccount:
    """Codegen's API with the token of the settings."""

    codegen: Codegen
    watcher: RunWatcher


@asynccontextmanager
async def codegen_account(settings: Settings, timing: Timing) -> AsyncIterator[CodegenAccount]:
    """:param settings: as they were given
    :param timing: with Codegen's rate limits
    """
    async with new_http() as http:
        codegen = Codegen(
            settings.codegen_api_token.get_secret_value(),
            org_id=settings.codegen_org_id,
            base_url=settings.codegen_api_base_url,
            http=http,
            limits=timing.limits(NO_OBSERVER),
            sleep=timing.sleep,
        )
        watcher = RunWatcher(UpstreamRuns(codegen), interval=timing.run_poll_interval, sleep=timing.sleep)
        try:
            yield CodegenAccount(codegen, watcher)
        finally:
            await watcher.aclose()


@asynccontextmanager
async def following(
    backend: AgentsBackend, database: Database, account: CodegenAccount, *, name: str
) -> AsyncIterator[None]:
    """Has Codegen carry its agents' turns out while the context lasts.

    :param name: of this process, unique to its start
    """
    timing = backend.timing
    services = Delegation(
        codegen=account.codegen, watcher=account.watcher, store=backend.store, now=timing.now, sleep=timing.sleep
    )
    turns = AgentTurns(database, lease=timing.lease, only=TYPES)
    execute = partial(delegate_turn, services)
    with backend.worker(turns, execute, name=f"{name}-codegen", concurrency=CONCURRENCY) as worker:
        async with running(worker.run()):
            yield
