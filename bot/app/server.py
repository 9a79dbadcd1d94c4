"""The server's wiring: clients, database, engine, web server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot import log
from bot.app.clients import OWN_BACKEND, Timing, open_clients
from bot.app.credentials import Credentials, refusals_observed
from bot.app.deliveries import deliveries
from bot.app.gauges import QueueGauges
from bot.app.http_api import http_api
from bot.app.start_report import StartReport, checked_credentials, credential_checks
from bot.codegen.client import Codegen
from bot.codegen.completion_times import CompletionTimes, ObservingRunSource
from bot.codegen.following import RunFollower
from bot.codegen.models import AgentRun
from bot.codegen.polling import UpstreamRuns
from bot.codegen.shared_polling import shared_watcher
from bot.commands.registry import COMMANDS, FIX_CHECKS
from bot.engine.membership import Membership, new_executor_id
from bot.errors import Service
from bot.execution.agent_types import known_at
from bot.execution.execute import execute, give_up
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import RecentPermissions
from bot.execution.services import Services
from bot.metrics import UNANSWERED, Metrics
from bot.settings.model import Settings
from bot.storage.config_files import ConfigFiles
from bot.storage.database import is_shared, one_process, without_ping
from bot.storage.deliveries import DeferredEvents, MissedDeliveries
from bot.storage.executors import Executors
from bot.storage.limits import AnswerLimits, Confirmations, QuotaStore
from bot.storage.migrating import migrated_database
from bot.storage.runs import CompletionTimeStore, RunMarks, Stars, ThreadRuns
from bot.storage.watched_runs import WatchedRuns
from bot.text.markers import Stage
from bot.web.connection import ConnectionLimits
from bot.web.listening import check_free, listening
from bot.web.server import make_application, metrics_application

if TYPE_CHECKING:
    from bot.agents.config import AgentsConfig
    from bot.app.embedded_agents import EmbeddedAgents
    from bot.engine.workflows import Execute

_log = log.get(__name__)

_COUNTED = frozenset({*COMMANDS, FIX_CHECKS, "unknown", "config"})
"""The names of commands, and of what was parsed as one. A repository's named prompts are not counted by their names."""

OUTAGE_TIMEOUT = 3600.0
"""Seconds for which a command waits during an outage of Codegen."""

CONNECTIONS_TIMEOUT = 5.0
"""Seconds that requests have to finish when the server stops."""

ADDRESS = "HOST and PORT"
"""The settings of the server's address."""

METRICS_CONNECTIONS = 32
"""On the port for metrics: enough for a few collectors."""


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    agents: AgentsConfig | None = None,
    timing: Timing | None = None,
    replaced: asyncio.Event | None = None,
    address_named: str = ADDRESS,
    on_stuck: Callable[[], None] = lambda: None,
    on_ready: Callable[[StartReport], None] = lambda _report: None,
    execute: Execute = execute,
) -> AsyncIterator[str]:
    """Runs the bot's server while the context lasts.

    :param agents: agents of one's own; None: runs go to Codegen
    :param replaced: set when another process has recovered this one's work: this one has to end
    :param address_named: the settings or options that define the server's address, for an error message
    :param on_stuck: called in a signal handler when the loop has been blocked for a minute: the process has to end
    :param on_ready: called when the server listens, and the credentials have been checked
    :param execute: carries out a command
    :returns: its address, with the actual port
    :raises SettingsError: if a setting turns out not to work: the database, the key, the port
    """
    named = f"{address_named}: {settings.host}:{settings.port}"
    # Before anything is started that would have to be stopped again.
    await check_free(settings.host, settings.port, named=named)
    timing, codegen_org_id = timing or Timing(), settings.codegen_org_id
    metrics = Metrics(commands=_COUNTED)
    credentials = Credentials(interval=timing.credentials_interval, first_timeout=timing.credentials_timeout)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(migrated_database(settings.database_url))
        # Heartbeats and DBOS retry on their own.
        unpinged = without_ping(database)
        stack.push_async_callback(asyncio.to_thread, unpinged.dispose)
        stack.enter_context(one_process(database))
        # DBOS takes half a second: whoever cannot start need not wait for it.
        from bot.engine.dbos_runtime import VERSION  # noqa: PLC0415
        from bot.engine.engine import Engine  # noqa: PLC0415
        from bot.engine.tracing import Tracing  # noqa: PLC0415

        membership = Membership(
            Executors(unpinged, lease=timing.lease),
            executor=new_executor_id(settings.executor_id),
            version=VERSION,
            is_shared=is_shared(database),
            period=timing.heartbeat,
            lease=timing.lease,
        )

        own: EmbeddedAgents | None = None
        if agents is not None:
            from bot.app.embedded_agents import embedded_agents  # noqa: PLC0415 - many servers have none

            own = await stack.enter_async_context(embedded_agents(database, agents, settings, timing))
            settings, timing = own.settings, own.timing
        known_agents = known_at(settings.codegen_api_base_url) if own is None else own.backend.config.names
        offload = await stack.enter_async_context(aclosing(timing.worker_pool()))
        completion_times = CompletionTimes(CompletionTimeStore(database), now=timing.now)
        wrap_source = partial(ObservingRunSource, ends=completion_times, org_id=settings.codegen_org_id)
        clients = await stack.enter_async_context(
            open_clients(
                settings,
                timing,
                agents=known_agents,
                config_files=ConfigFiles(database),
                observer=refusals_observed(metrics, credentials.suspect),
                wrap_source=wrap_source,
                fence=membership.check,
                backend="" if own is None else OWN_BACKEND,
            )
        )
        if own is not None:
            await stack.enter_async_context(own.serving(clients.github))
        await stack.enter_async_context(_following(completion_times, clients.codegen, settings, timing))
        watcher, lag = clients.watcher, lambda: clients.watcher.lag
        if is_shared(database):
            watcher, lag = await stack.enter_async_context(
                shared_watcher(
                    WatchedRuns(database, settings.codegen_org_id),
                    wrap_source(UpstreamRuns(clients.codegen)),
                    executor=membership.executor,
                    is_leader=lambda: membership.leads,
                    interval=timing.run_poll_interval,
                    sleep=timing.sleep,
                )
            )
        services = Services(
            codegen=clients.codegen,
            org_id=settings.codegen_org_id,
            github=clients.github,
            configs=clients.configs,
            permissions=RecentPermissions(clients.github.permission, sleep=timing.sleep),
            answer_limits=AnswerLimits(database),
            runs=ThreadRuns(database),
            add_mark=RunMarks(database).add,
            stars=Stars(database),
            quotas=QuotaStore(database),
            confirmations=Confirmations(database),
            watcher=watcher,
            offload=offload,
            agents=known_agents,
            has_own_agents=own is not None,
            run_timeout=settings.run_timeout_minutes * 60,
            progress_interval=settings.progress_interval_seconds,
            step_refresh=timing.step_refresh,
            outage_timeout=OUTAGE_TIMEOUT if timing.outage_timeout is None else timing.outage_timeout,
            now=timing.now,
            clock=timing.clock,
            sleep=timing.sleep,
        )

        collector = settings.otel_exporter_otlp_traces_endpoint
        engine = Engine(
            database,
            unpinged,
            membership,
            services=services,
            execute=execute,
            give_up=give_up,
            on_finished=partial(_count, metrics, timing.now),
            replaced=replaced,
            on_stuck=on_stuck,
            tracing=Tracing(collector, executor_id=membership.executor) if collector else None,
            polling=timing.polling_interval,
            retry_delay=timing.retry_delay,
            loop_blocked=timing.loop_blocked,
            on_refused=credentials.suspect,
            drain=timing.drain,
        )
        credentials.on_accepted = lambda service: engine.resume_held() if service is Service.GITHUB else None
        account = None if own is None else own.account
        codegen = clients.codegen if own is None else None if account is None else account.codegen
        credentials.checks = credential_checks(settings, clients, codegen=codegen, org_id=codegen_org_id)
        await engine.start()
        stack.push_async_callback(engine.stop)

        incoming = deliveries(
            settings,
            timing=timing,
            clients=clients,
            missed_store=MissedDeliveries(database),
            deferred_store=DeferredEvents(database),
            membership=membership,
            engine=engine,
            offload=offload,
            metrics=metrics,
            reads_checks=own is not None,
        )
        api, streams = await stack.enter_async_context(
            http_api(
                settings, timing=timing, clients=clients, services=services, database=database, ends=completion_times
            )
        )
        gauges = QueueGauges(metrics, engine.queue, now=lambda: datetime.now(UTC))
        await stack.enter_async_context(aclosing(gauges))
        if own is not None:
            from bot.app.agent_metrics import counting  # noqa: PLC0415 - many servers have none

            await stack.enter_async_context(counting(metrics, own.backend))
        metrics.commands_in_progress.set_function(lambda: engine.running)
        metrics.runs_watched.set_function(lambda: watcher.watched)
        metrics.watcher_lag.set_function(lag)
        metrics.streams_open.set_function(lambda: streams.subscribers)
        if settings.metrics_port is not None:
            await stack.enter_async_context(_serving_metrics(metrics, settings.host, settings.metrics_port))

        async def check() -> None:
            await engine.check()
            credentials.ensure_accepted()

        application = make_application(
            incoming.webhooks,
            check=check,
            metrics=metrics,
            api=api,
            streams=streams,
            cors_origins=settings.api_cors_origins,
            shows_metrics=settings.metrics_port is None,
        )
        if own is not None:
            own.mount(application)
        url = await stack.enter_async_context(
            listening(
                application,
                settings.host,
                settings.port,
                named=named,
                shutdown_timeout=CONNECTIONS_TIMEOUT,
            )
        )
        if own is not None:
            own.listens_at(url)
            # Ends before the engine does, which takes the loop's threads with it.
            await stack.enter_async_context(own.working(database, clients, name=membership.executor))
        _log.info("server.listening", host=settings.host, port=int(url.rpartition(":")[2]))
        await stack.enter_async_context(incoming.running())
        await stack.enter_async_context(
            checked_credentials(
                credentials,
                settings,
                url,
                agents=() if agents is None else agents.names,
                at_start=timing.credentials_at_start,
                on_ready=on_ready,
            )
        )
        yield url


def settle_down() -> None:
    """Excludes what a started server holds from garbage collection: it is never freed.

    For a process that only serves, once it is up.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _following(
    ends: CompletionTimes, codegen: Codegen, settings: Settings, timing: Timing
) -> AsyncIterator[None]:
    """Follows runs that no command waits for."""

    async def newest() -> Sequence[AgentRun]:
        return (await codegen.runs_page(1)).runs

    follower = RunFollower(ends, settings.codegen_org_id, newest, interval=timing.follow_interval, now=timing.now)
    ends.on_working = follower.follow
    async with aclosing(follower):
        yield


@asynccontextmanager
async def _serving_metrics(metrics: Metrics, host: str, port: int) -> AsyncIterator[None]:
    """Serves /metrics on its own port."""
    async with listening(
        metrics_application(metrics),
        host,
        port,
        named=f"HOST and METRICS_PORT: {host}:{port}",
        shutdown_timeout=CONNECTIONS_TIMEOUT,
        limits=ConnectionLimits(connections=METRICS_CONNECTIONS),
    ) as url:
        _log.info("metrics.listening", host=host, port=int(url.rpartition(":")[2]))
        yield


def _count(metrics: Metrics, now: Callable[[], datetime], invocation: CommandInvocation, stage: Stage | None) -> None:
    seconds = max((now() - invocation.requested_at).total_seconds(), 0.0)
    metrics.done(invocation.name, stage.value if stage else UNANSWERED, seconds)
