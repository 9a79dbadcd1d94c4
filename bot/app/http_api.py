"""The HTTP API's wiring: callers with their own tokens, on the server's clients, store and handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy.engine import Engine as Database

from bot.app.clients import Clients, Timing
from bot.codegen.client import Codegen
from bot.codegen.completion_times import CompletionTimes, ObservingRunSource
from bot.codegen.models import AgentRun, Repository
from bot.codegen.polling import UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.execution.config_files import InMemoryConfigFiles
from bot.execution.config_loader import ConfigLoader
from bot.execution.run_patterns import RunPatterns
from bot.execution.services import Services
from bot.github.auth import Auth
from bot.github.client import GitHub
from bot.github.session import new_session
from bot.settings.model import Settings
from bot.storage.runs import MultiRuns as StoredMultiRuns
from bot.storage.runs import RunMarks
from bot.web.api.authentication import Callers
from bot.web.api.cache import TokenCache
from bot.web.api.caller import TokenAccess
from bot.web.api.endpoint import ApiServices
from bot.web.api.excerpts import excerpts
from bot.web.api.handler_adapter import Api
from bot.web.api.multi_run_work import MultiRuns
from bot.web.api.run_index import RunIndexes
from bot.web.api.streams.connection_manager import ConnectionManager
from bot.web.api.streams.handlers import Streams
from bot.web.api.streams.multi_run_status_manager import MultiRunStatusManager

REPOSITORIES_CACHED = 300.0
"""Seconds for which Codegen's list of the organization's repositories is cached: secret patterns are read from them."""


@asynccontextmanager
async def http_api(
    settings: Settings,
    *,
    timing: Timing,
    clients: Clients,
    services: Services,
    database: Database,
    ends: CompletionTimes,
) -> AsyncIterator[tuple[Api, Streams]]:
    """Opens the endpoints and the streams.

    :param clients: the server's own clients
    :param services: the server's own, on its store
    """
    async with new_http() as http, new_session() as session:
        unauthenticated = GitHub(session, Auth(), base_url=settings.github_api_url, sleep=timing.sleep)
        configs = ConfigLoader(unauthenticated, InMemoryConfigFiles(), usual_prefix=settings.command_prefix)
        anonymous = replace(clients, github=unauthenticated, configs=configs)
        marks = RunMarks(database)
        multi_runs = MultiRuns(StoredMultiRuns(database))
        cache, own_org_id = TokenCache(clock=timing.cache_clock), settings.codegen_org_id

        def open_access(token: str) -> TokenAccess:
            limits = timing.limits(clients.observer)

            def services_for(org_id: int) -> Services:
                codegen = Codegen(
                    token,
                    org_id=org_id,
                    base_url=settings.codegen_api_base_url,
                    http=http,
                    limits=limits,
                    sleep=timing.sleep,
                    observer=clients.observer,
                    name=clients.codegen.name,
                )
                runs = ObservingRunSource(UpstreamRuns(codegen), ends, org_id)
                accounts = clients if org_id == own_org_id else anonymous
                return replace(
                    services,
                    codegen=codegen,
                    org_id=org_id,
                    watcher=RunWatcher(runs, interval=timing.run_poll_interval, sleep=timing.sleep),
                    github=accounts.github,
                    configs=accounts.configs,
                    # API callers wait for the response, and can retry.
                    outage_timeout=0.0,
                )

            return TokenAccess(services_for, own_org_id=own_org_id, github=clients.github)

        callers = Callers(
            open_access,
            served={own_org_id, *settings.api_organizations},
            requests_a_minute=settings.api_requests_per_minute,
        )

        async def repositories() -> list[Repository]:
            key = ("server", own_org_id, "repositories")
            return await cache.get(key, clients.codegen.repositories, ttl=REPOSITORIES_CACHED)

        patterns = RunPatterns(clients.configs, org_id=own_org_id, repositories=repositories)

        async def shorten(org_id: int, runs: Sequence[AgentRun]) -> tuple[AgentRun, ...]:
            runs = await marks.added_to(org_id, runs)
            each = await patterns.for_runs(org_id, runs)
            return await services.offload.run(partial(excerpts, runs, each), is_slow=any(each))

        api_services = ApiServices(
            own_org_id=own_org_id,
            marks=marks,
            stars=services.stars,
            cache=cache,
            indexes=RunIndexes(on_read=ends.record, shorten=shorten, clock=timing.cache_clock),
            ends=ends,
            github=clients.github,
            configs=clients.configs,
            multi_runs=multi_runs,
            patterns=patterns,
            offload=services.offload,
            now=timing.now,
        )
        api = Api(callers, api_services)
        connections = ConnectionManager(floor=timing.run_poll_interval.shortest, sleep=timing.sleep)
        streams = Streams(api, connections, MultiRunStatusManager(callers), send_timeout=timing.send_timeout)
        try:
            yield api, streams
        finally:
            await connections.aclose()
            await multi_runs.aclose()
            await callers.aclose()
            await configs.aclose()
