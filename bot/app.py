"""The wiring: opens everything, in order, and closes it again. The only module that knows all the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from bot import log
from bot.codegen.client import Codegen
from bot.codegen.limits import WINDOWS, Limits
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.commands.labels import LabelRole, label_of
from bot.config import Settings
from bot.engine.engine import Engine
from bot.errors import SettingsError, os_reason
from bot.github.auth import AppAuth, Auth, TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.transport import new_session
from bot.handlers.carry_out import carry_out
from bot.handlers.configs import Configs
from bot.handlers.order import Order
from bot.handlers.tools import Tools
from bot.metrics import Metrics
from bot.replies.markers import Stage
from bot.store.confirmations import Confirmations
from bot.store.database import open_engine
from bot.store.runs import ThreadRuns
from bot.store.spending import Spending
from bot.store.stars import Stars
from bot.store.tables import check, create_tables
from bot.web.server import make_application
from bot.web.webhooks import GitHubWebhooks

_log = log.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the bot looks and how it tells the time; the demo and the tests are in more of a hurry.

    :param shortest: seconds between two looks at young runs
    :param longest: the same for old ones
    :param write_gap: seconds between two writes to GitHub in the long run
    :param polling_interval: seconds between two looks of the engine at its tables
    :param codegen_windows: Codegen's rate limits
    """

    shortest: float = 2.0
    longest: float = 15.0
    write_gap: float = 1.0
    polling_interval: float = 1.0
    codegen_windows: Mapping[str, tuple[int, float]] | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@asynccontextmanager
async def serving(settings: Settings, *, pace: Pace | None = None) -> AsyncIterator[str]:
    """The bot's server, up and taking orders while the context lasts.

    :returns: its address, with the port it really listens on
    :raises SettingsError: where a setting turns out not to work: the database, the key, the port
    """
    async with _application(settings, pace or Pace()) as application:
        runner = web.AppRunner(application, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            try:
                await site.start()
            except OSError as error:
                raise SettingsError(
                    f"HOST and PORT: {settings.host}:{settings.port} cannot be listened on: {os_reason(error)}."
                ) from None
            port = runner.addresses[0][1]
            _log.info("server.listens", host=settings.host, port=port)
            yield f"http://{settings.host}:{port}"
        finally:
            await runner.cleanup()


async def sync_labels(settings: Settings, repository: str) -> list[str]:
    """Makes the bot's labels that a repository lacks; those that are there stay as they are.

    :param repository: ``owner/name``
    :returns: the names of all of them
    :raises UpstreamError: where GitHub does not let it
    """
    async with new_session() as session:
        github = GitHub(session, _auth(settings), base_url=settings.github_api_url)
        config = (await Configs(github, usual_prefix=settings.command_prefix).of(repository)).config
        labels = [label_of(role, config.labels) for role in LabelRole]
        return [(await github.create_label(repository, label)).name for label in labels]


@asynccontextmanager
async def _application(settings: Settings, pace: Pace) -> AsyncIterator[web.Application]:
    auth = _auth(settings)
    database = open_engine(settings.database_url)
    try:
        await asyncio.to_thread(create_tables, database)
        async with new_http() as http, new_session() as session:
            codegen = Codegen(
                settings.codegen_api_token.get_secret_value(),
                org_id=settings.codegen_org_id,
                base_url=settings.codegen_api_base_url,
                http=http,
                limits=Limits(WINDOWS if pace.codegen_windows is None else pace.codegen_windows),
                sleep=pace.sleep,
            )
            watcher = RunWatcher(codegen, shortest=pace.shortest, longest=pace.longest, sleep=pace.sleep)
            github = GitHub(
                session,
                auth,
                base_url=settings.github_api_url,
                sleep=pace.sleep,
                new_budget=lambda: ContentBudget(min_gap=pace.write_gap, sleep=pace.sleep),
            )
            configs = Configs(github, usual_prefix=settings.command_prefix)
            tools = Tools(
                codegen=codegen,
                org_id=settings.codegen_org_id,
                github=github,
                configs=configs,
                runs=ThreadRuns(database),
                stars=Stars(database),
                spending=Spending(database),
                confirmations=Confirmations(database),
                watcher=watcher,
                run_timeout=settings.run_timeout_minutes * 60,
                progress_interval=settings.progress_interval_seconds,
                now=pace.now,
                sleep=pace.sleep,
            )
            metrics = Metrics()
            engine = Engine(
                database,
                executor_id=settings.executor_id,
                tools=tools,
                carry_out=carry_out,
                heard=_count_in(metrics),
                polling_interval=pace.polling_interval,
            )
            engine.start()
            try:
                webhooks = GitHubWebhooks(
                    secrets=[secret.get_secret_value() for secret in settings.github_webhook_secret],
                    house_of=configs.soon,
                    submit=engine.submit,
                    metrics=metrics,
                    now=pace.now,
                )
                yield make_application(webhooks, check=partial(check, database), metrics=metrics)
            finally:
                await engine.stop()
                await watcher.aclose()
                await configs.aclose()
    finally:
        await asyncio.to_thread(database.dispose)


def _count_in(metrics: Metrics) -> Callable[[Order, Stage], None]:
    def heard(order: Order, stage: Stage) -> None:
        metrics.commands_done.labels(order.name, stage.value).inc()

    return heard


def _auth(settings: Settings) -> Auth:
    """The App where both its settings are given, else the token."""
    app_id, key = settings.github_app_id, settings.github_private_key
    if app_id is not None and key is not None:
        return AppAuth(app_id, key.get_secret_value())
    assert settings.github_token is not None  # noqa: S101 - Settings sees to it
    return TokenAuth(settings.github_token.get_secret_value())
