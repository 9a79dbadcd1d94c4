"""The wiring of webhooks and of the redelivery of missed ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.app.clients import Clients, Timing, is_app
from bot.errors import ConfigUnknownError
from bot.execution.redelivery.deferred import DeferredWatch, defer
from bot.execution.redelivery.watch import MissedWatch, RepositoryRecorder
from bot.github.events import CommentPosted, Event
from bot.metrics import Metrics
from bot.settings.model import Settings
from bot.storage.deliveries import DeferredEvents, MissedDeliveries
from bot.tasks import running
from bot.text.offload.pool import WorkerPool
from bot.web.webhooks import GitHubWebhooks

if TYPE_CHECKING:
    from bot.engine.engine import Engine
    from bot.engine.membership import Membership


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The webhook handler, and the tasks that run beside it."""

    webhooks: GitHubWebhooks
    background: Sequence[Callable[[], Coroutine[Any, Any, None]]]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the tasks; to be entered when deliveries can arrive."""
        async with running(*(run() for run in self.background)):
            yield


def deliveries(
    settings: Settings,
    *,
    timing: Timing,
    clients: Clients,
    missed_store: MissedDeliveries,
    deferred_store: DeferredEvents,
    membership: Membership,
    engine: Engine,
    offload: WorkerPool,
    metrics: Metrics,
    reads_checks: bool,
) -> Deliveries:
    """:param membership: by which one process searches for missed deliveries
    :param engine: runs the commands
    :param reads_checks: whether failed checks are dealt with
    """

    async def defer_event(event: Event) -> bool:
        return await defer(deferred_store, event, at=timing.now())

    repositories = RepositoryRecorder(missed_store, now=timing.now)
    webhooks = GitHubWebhooks(
        secrets=[secret.get_secret_value() for secret in settings.github_webhook_secret],
        config_for=clients.configs.load_soon,
        enqueue=engine.submit,
        defer=defer_event,
        offload=offload,
        metrics=metrics,
        now=timing.now,
        on_repository=repositories.add,
        reads_checks=reads_checks,
    )

    async def accept_missed(event: CommentPosted) -> None:
        try:
            await webhooks.accept(event)
        except ConfigUnknownError:
            if not await defer_event(event):
                raise

    missed = MissedWatch(
        clients.github,
        missed_store,
        is_app=is_app(settings),
        is_leader=lambda: membership.leads,
        handle=accept_missed,
        on_redelivery=metrics.redelivered,
        pause=lambda: timing.sleep(timing.write_gap),
        now=timing.now,
        first=timing.missed_first,
        every=timing.missed_every,
    )

    async def is_readable(repository: str) -> bool:
        return not (await clients.configs.load_soon(repository)).is_closed

    deferred = DeferredWatch(
        deferred_store,
        is_leader=lambda: membership.leads,
        is_readable=is_readable,
        handle=webhooks.accept,
        now=timing.now,
        every=timing.config_retry,
    )
    return Deliveries(webhooks, (repositories.run, missed.run, deferred.run))
