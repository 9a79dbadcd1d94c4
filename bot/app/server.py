"""The server's wiring: clients, database, engine, web server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from aiohttp import web
from sqlalchemy.engine import Engine as Database

from bot import log
from bot.app.clients import Timing, clients
from bot.app.deliveries import Deliveries, deliveries
from bot.app.gauges import QueueGauges
from bot.app.http_api import http_api
from bot.app.sharing import watching
from bot.commands.labels import LabelRole, label_of
from bot.commands.table import COMMANDS
from bot.completion_times import CompletionTimes, ObservingRunSource
from bot.engine.engine import Engine, EngineTiming
from bot.engine.launching import VERSION
from bot.engine.membership import Membership, new_executor_id
from bot.engine.traces import Traces
from bot.engine.workflows import Execute
from bot.handlers.execute import execute
from bot.handlers.give_up import give_up
from bot.handlers.invocation import CommandInvocation
from bot.handlers.recent_permissions import RecentPermissions
from bot.handlers.services import Services
from bot.metrics import UNANSWERED, Metrics
from bot.replies.markers import Stage
from bot.settings import Settings
from bot.store.answer_limits import AnswerLimits
from bot.store.completion_times import CompletionTimeStore
from bot.store.config_files import ConfigFiles
from bot.store.confirmations import Confirmations
from bot.store.database import open_engine, without_ping
from bot.store.deferred_events import DeferredEvents
from bot.store.executors import Executors
from bot.store.locks import is_shared, one_process
from bot.store.migrating import migrate
from bot.store.missed import MissedDeliveries
from bot.store.quotas import QuotaStore
from bot.store.runs import ThreadRuns
from bot.store.stars import Stars
from bot.store.watched_runs import WatchedRuns
from bot.web.connection import ConnectionLimits
from bot.web.listening import listening
from bot.web.server import make_application, metrics_application

_log = log.get(__name__)

_COUNTED = frozenset({*COMMANDS, "unknown", "config"})
"""The names of commands, and of what was parsed as one. A repository's named prompts are not counted by their names."""

OUTAGE_PATIENCE = 3600.0
"""Seconds for which a command waits during an outage of Codegen."""

CONNECTIONS_PATIENCE = 5.0
"""Seconds that requests have to finish when the server stops."""

METRICS_CONNECTIONS = 32
"""On the port for metrics: enough for a few collectors."""


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    timing: Timing | None = None,
    lost: Callable[[], None] = lambda: None,
    stuck: Callable[[], None] = lambda: None,
    execute: Execute = execute,
) -> AsyncIterator[str]:
    """Runs the bot's server while the context lasts.

    :param lost: called when another process has recovered this one's work: this one has to end
    :param stuck: called in a signal handler when the loop has been blocked for a minute: the process has to end
    :param execute: carries out a command
    :returns: its address, with the actual port
    :raises SettingsError: if a setting turns out not to work: the database, the key, the port
    """
    async with _application(settings, timing or Timing(), lost, stuck, execute) as (application, incoming):
        named = f"HOST and PORT: {settings.host}:{settings.port}"
        async with listening(
            application, settings.host, settings.port, named=named, shutdown_timeout=CONNECTIONS_PATIENCE
        ) as url:
            _log.info("server.listening", host=settings.host, port=int(url.rpartition(":")[2]))
            async with incoming.watching():
                yield url


def settle_down() -> None:
    """Excludes what a started server holds from garbage collection: it is never freed.

    For a process that only serves, once it is up.
    """
    gc.collect()
    gc.freeze()


async def sync_labels(settings: Settings, repository: str) -> list[str]:
    """Creates the bot's labels that a repository lacks; existing ones stay as they are.

    :param repository: ``owner/name``
    :returns: the names of all of them
    :raises UpstreamError: if GitHub refuses
    """
    async with clients(settings, Timing()) as worlds:
        labels = [label_of(role, (await worlds.configs.of(repository)).labels()) for role in LabelRole]
        return [(await worlds.github.create_label(repository, label)).name for label in labels]


@asynccontextmanager
async def _application(
    settings: Settings, timing: Timing, lost: Callable[[], None], stuck: Callable[[], None], execute: Execute
) -> AsyncIterator[tuple[web.Application, Deliveries]]:
    database = open_engine(settings.database_url)
    # Heartbeats and DBOS retry on their own.
    unpinged = without_ping(database)
    try:
        await asyncio.to_thread(migrate, database)
        metrics = Metrics(commands=_COUNTED)
        ends = CompletionTimes(CompletionTimeStore(database), now=timing.now)
        witness = partial(ObservingRunSource, ends=ends, org_id=settings.codegen_org_id)
        executors = Executors(unpinged, lease=timing.lease)
        membership = Membership(
            executors,
            executor=new_executor_id(settings.executor_id),
            version=VERSION,
            is_shared=is_shared(database),
            period=timing.heartbeat,
            lease=timing.lease,
        )
        async with (
            _held(database),
            aclosing(timing.worker_pool()) as offload,
            clients(
                settings,
                timing,
                config_files=ConfigFiles(database),
                observer=metrics,
                witness=witness,
                fence=membership.check,
            ) as own_worlds,
            watching(own_worlds, settings, timing, database, membership, witness) as (worlds, lag),
        ):
            collector = settings.otel_exporter_otlp_traces_endpoint
            services = Services(
                codegen=worlds.codegen,
                org_id=settings.codegen_org_id,
                github=worlds.github,
                configs=worlds.configs,
                permissions=RecentPermissions(worlds.github.permission),
                answer_limits=AnswerLimits(database),
                runs=ThreadRuns(database),
                stars=Stars(database),
                spending=QuotaStore(database),
                confirmations=Confirmations(database),
                watcher=worlds.watcher,
                offload=offload,
                run_timeout=settings.run_timeout_minutes * 60,
                progress_interval=settings.progress_interval_seconds,
                outage_patience=OUTAGE_PATIENCE if timing.outage_patience is None else timing.outage_patience,
                now=timing.now,
                clock=timing.clock,
                sleep=timing.sleep,
            )
            engine = Engine(
                database,
                unpinged,
                executors,
                membership,
                services=services,
                execute=execute,
                give_up=give_up,
                on_finished=_count_in(metrics, timing.now),
                gone=WatchedRuns(database, settings.codegen_org_id).forget,
                lost=lost,
                stuck=stuck,
                traces=Traces(collector, executor_id=membership.executor) if collector else None,
                timing=EngineTiming(
                    polling=timing.polling_interval,
                    loop_held=timing.loop_held,
                    again=timing.again,
                    drain=timing.drain,
                ),
            )
            await engine.start()
            try:
                incoming = deliveries(
                    settings,
                    timing=timing,
                    worlds=worlds,
                    missed_store=MissedDeliveries(database),
                    deferred_store=DeferredEvents(database),
                    leads=lambda: membership.leads,
                    engine=engine,
                    offload=offload,
                    metrics=metrics,
                )
                http = http_api(settings, timing=timing, worlds=worlds, services=services, database=database, ends=ends)
                queue = QueueGauges(engine.queue, now=lambda: datetime.now(UTC))
                queue.show_in(metrics)
                metrics.watch("codegen_bot_commands_in_progress", lambda: engine.at_work)
                metrics.watch("codegen_bot_runs_watched", lambda: worlds.watcher.watched)
                metrics.watch("codegen_bot_watcher_lag_seconds", lag)
                async with aclosing(queue), http as (api, streams), _metrics_apart(settings, metrics):
                    metrics.watch("codegen_bot_streams_open", lambda: streams.subscribers)
                    application = make_application(
                        incoming.webhooks,
                        check=engine.check,
                        metrics=metrics,
                        api=api,
                        streams=streams,
                        cors_origins=settings.api_cors_origins,
                        shows_metrics=settings.metrics_port is None,
                    )
                    yield application, incoming
            finally:
                await engine.stop()
    finally:
        await asyncio.to_thread(unpinged.dispose)
        await asyncio.to_thread(database.dispose)


@asynccontextmanager
async def _metrics_apart(settings: Settings, metrics: Metrics) -> AsyncIterator[None]:
    """Serves /metrics on its own port, if one is set."""
    if settings.metrics_port is None:
        yield
        return
    async with listening(
        metrics_application(metrics),
        settings.host,
        settings.metrics_port,
        named=f"HOST and METRICS_PORT: {settings.host}:{settings.metrics_port}",
        shutdown_timeout=CONNECTIONS_PATIENCE,
        limits=ConnectionLimits(connections=METRICS_CONNECTIONS),
    ) as url:
        _log.info("metrics.listening", host=settings.host, port=int(url.rpartition(":")[2]))
        yield


@asynccontextmanager
async def _held(database: Database) -> AsyncIterator[None]:
    with one_process(database):
        yield


def _count_in(metrics: Metrics, now: Callable[[], datetime]) -> Callable[[CommandInvocation, Stage | None], None]:
    def on_finished(invocation: CommandInvocation, stage: Stage | None) -> None:
        seconds = max((now() - invocation.asked_at).total_seconds(), 0.0)
        metrics.done(invocation.name, stage.value if stage else UNANSWERED, seconds)

    return on_finished
