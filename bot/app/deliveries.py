"""The wiring of webhooks and of the redelivery of missed ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.app.clients import Clients, Timing, is_app
from bot.engine.engine import Engine
from bot.errors import ConfigUnknownError
from bot.github.events import CommentPosted
from bot.metrics import Metrics
from bot.offload.pool import WorkerPool
from bot.redelivery.deferred import DeferredWatch
from bot.redelivery.watch import MissedWatch
from bot.settings import Settings
from bot.store.deferred_events import DeferredEvents
from bot.store.missed import MissedDeliveries
from bot.web.webhooks import GitHubWebhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """The webhook handler, and the search for deliveries that it missed."""

    webhooks: GitHubWebhooks
    missed: MissedWatch
    deferred: DeferredWatch

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Enter it when deliveries can arrive."""
        async with self.missed.watching(), self.deferred.watching():
            yield


def deliveries(
    settings: Settings,
    *,
    timing: Timing,
    worlds: Clients,
    missed_store: MissedDeliveries,
    deferred_store: DeferredEvents,
    leads: Callable[[], bool],
    engine: Engine,
    offload: WorkerPool,
    metrics: Metrics,
) -> Deliveries:
    """:param leads: whether this process searches for missed deliveries
    :param engine: runs the commands
    """
    webhooks: GitHubWebhooks
    deferred: DeferredWatch

    async def is_readable(repository: str) -> bool:
        return not (await worlds.configs.soon(repository)).is_closed

    async def take_missed(event: CommentPosted) -> None:
        try:
            await webhooks.take(event)
        except ConfigUnknownError:
            if not await deferred.defer(event):
                raise

    missed = MissedWatch(
        worlds.github,
        missed_store,
        is_app=is_app(settings),
        is_leader=leads,
        take=take_missed,
        tell=metrics.redelivered,
        pause=lambda: timing.sleep(timing.write_gap),
        now=timing.now,
        first=timing.missed_first,
        every=timing.missed_every,
    )
    deferred = DeferredWatch(
        deferred_store,
        is_leader=leads,
        is_readable=is_readable,
        take=lambda event, *, is_late: webhooks.take(event, is_late=is_late),
        now=timing.now,
        every=timing.config_retry,
    )
    webhooks = GitHubWebhooks(
        secrets=[secret.get_secret_value() for secret in settings.github_webhook_secret],
        config_for=worlds.configs.soon,
        submit=engine.submit,
        defer=deferred.defer,
        offload=offload,
        metrics=metrics,
        now=timing.now,
        seen=missed.see,
    )
    return Deliveries(webhooks=webhooks, missed=missed, deferred=deferred)
