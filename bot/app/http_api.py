"""The HTTP API's wiring: callers with their own tokens, on the server's clients, store and handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from sqlalchemy.engine import Engine as Database

from bot.app.clients import Clients, Timing
from bot.app.token_access import TokenAccess
from bot.codegen.models import AgentRun
from bot.codegen.transport import new_http
from bot.completion_times import CompletionTimes
from bot.errors import OffloadError, UpstreamError
from bot.github.auth import NoAuth
from bot.github.client import GitHub
from bot.github.models import Permission
from bot.github.transport import new_session
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.redacting import call_redacted
from bot.handlers.run_marks import threads_of
from bot.handlers.run_patterns import RunPatterns
from bot.handlers.services import Services
from bot.replies.reasons import not_told, reason_given, told_on
from bot.settings import Settings
from bot.stateless.config_files import RememberedConfigFiles
from bot.store.multi_runs import MultiRuns as RememberedMultiRuns
from bot.web.api.authentication import Callers
from bot.web.api.cache import TokenCache
from bot.web.api.caller import Access
from bot.web.api.excerpts import excerpts
from bot.web.api.handler_adapter import Api
from bot.web.api.multi_run_work import MultiRuns
from bot.web.api.run_index import RunIndexes
from bot.web.api.services import ApiServices
from bot.web.api.streams.connection_manager import ConnectionManager
from bot.web.api.streams.handlers import Streams
from bot.web.api.streams.multi_run_status_manager import MultiRunStatusManager
from bot.web.api.streams.writing import FrameWriter


@asynccontextmanager
async def http_api(
    settings: Settings,
    *,
    timing: Timing,
    worlds: Clients,
    services: Services,
    database: Database,
    ends: CompletionTimes,
) -> AsyncIterator[tuple[Api, Streams]]:
    """Opens the endpoints and the streams.

    :param worlds: the server's own clients
    :param services: the server's own, on its store
    """
    async with new_http() as http, new_session() as session:
        silent = GitHub(session, NoAuth(), base_url=settings.github_api_url, sleep=timing.sleep)
        configs = ConfigLoader(silent, RememberedConfigFiles(), usual_prefix=settings.command_prefix)
        nobody = replace(worlds, github=silent, configs=configs)
        callers = Callers(
            lambda token: TokenAccess(
                token,
                settings=settings,
                http=http,
                worlds=worlds,
                nobody=nobody,
                services=services,
                timing=timing,
                ends=ends,
            ),
            serves={settings.codegen_org_id, *settings.api_organizations},
            requests_a_minute=settings.api_requests_per_minute,
        )
        multi_runs = MultiRuns(RememberedMultiRuns(database))

        async def tell_reason(access: Access, org_id: int, run: AgentRun, command: str, reason: str | None) -> str:
            if not reason or not reason.strip():
                return ""
            told = []
            for repository, number in threads_of(run):
                if await access.permission(org_id, repository) < Permission.WRITE:
                    continue
                try:
                    own = (await worlds.configs.soon(repository)).config.secret_patterns
                    work = partial(call_redacted, partial(reason_given, command, run, reason), own)
                    text = await services.offload.run(work, is_slow=bool(own))
                    posted = await worlds.github.comment(repository, number, text)
                except (UpstreamError, OffloadError):
                    continue
                told.append(posted.url)
            return told_on(told) if told else not_told()

        patterns = RunPatterns(worlds.configs, org_id=settings.codegen_org_id)

        async def shorten(org_id: int, runs: Sequence[AgentRun]) -> tuple[AgentRun, ...]:
            each = await patterns.of_each(org_id, runs)
            return await services.offload.run(partial(excerpts, runs, each), is_slow=any(each))

        api_services = ApiServices(
            own_org_id=settings.codegen_org_id,
            stars=services.stars,
            cache=TokenCache(),
            indexes=RunIndexes(saw=ends.saw, shortens=shorten),
            ends=ends,
            configs=worlds.configs,
            default_config=worlds.configs.usual,
            multi_runs=multi_runs,
            patterns=patterns,
            offload=services.offload,
            tell_reason=tell_reason,
            now=timing.now,
        )
        api = Api(callers, api_services)
        writer = FrameWriter(services.offload)
        connections = ConnectionManager(callers, writer, floor=timing.shortest, sleep=timing.sleep)
        streams = Streams(api, connections, MultiRunStatusManager(callers, writer), patience=timing.send_patience)
        try:
            yield api, streams
        finally:
            await connections.aclose()
            await multi_runs.aclose()
            await callers.aclose()
            await configs.aclose()
