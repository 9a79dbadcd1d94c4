"""The wiring of the entry points that host nothing: clients and an inline executor, no engine and no database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from bot.app.clients import Clients, Timing, clients
from bot.dry_run.dry_run import DryRun
from bot.handlers.config_loader import PATH
from bot.handlers.invocation import CommandInvocation
from bot.handlers.recent_permissions import RecentPermissions
from bot.handlers.services import Services
from bot.offload.pool import WorkerPool
from bot.replies.reply import Reply
from bot.settings import Accounts
from bot.stateless.answer_limits import MarkedAnswers
from bot.stateless.confirmations import MarkedConfirmations
from bot.stateless.inline_executor import InlineExecutor
from bot.stateless.quotas import MarkedSpending
from bot.stateless.stars import LabelledStars
from bot.stateless.thread_runs import MarkedRuns

OUTAGE_PATIENCE = 600.0
"""Seconds for which a command waits during an outage of Codegen: a job's minutes are paid for, and a person waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """Open clients, and the executor that runs commands with them.

    :param offload: in which long texts are read and prepared
    """

    clients: Clients
    offload: WorkerPool
    inline_executor: InlineExecutor
    timing: Timing


@asynccontextmanager
async def directly(
    settings: Accounts,
    *,
    timing: Timing | None = None,
    config_path: str | None = None,
    told: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None,
    worker: str | None = None,
    retries: bool = False,
    dry_run: Callable[[str], None] | None = None,
) -> AsyncIterator[Direct]:
    """Opens the clients and an inline executor.

    :param config_path: of the config file in the repository; None: the default
    :param told: called with every state of every reply
    :param worker: names this process on GitHub
    :param retries: whether this is a deliberate repetition
    :param dry_run: called with a description of every call that would be made; None: the calls are made
    :raises SettingsError: if the App's key cannot sign
    """
    timing = timing or Timing()
    dry = None
    if dry_run is not None:
        dry = DryRun(dry_run, secrets=_tokens(settings), now=timing.now)
        timing = _in_no_time(timing, dry)
    async with (
        aclosing(timing.worker_pool()) as offload,
        clients(settings, timing, config_path=config_path or PATH, dry_run=dry) as worlds,
    ):
        services = Services(
            codegen=worlds.codegen,
            org_id=settings.codegen_org_id,
            github=worlds.github,
            configs=worlds.configs,
            permissions=RecentPermissions(worlds.github.permission),
            answer_limits=MarkedAnswers(worlds.github),
            runs=MarkedRuns(worlds.github),
            stars=LabelledStars(worlds.github, worlds.codegen, worlds.configs),
            spending=MarkedSpending(worlds.codegen, worlds.github),
            confirmations=MarkedConfirmations(worlds.github),
            watcher=worlds.watcher,
            offload=offload,
            run_timeout=settings.run_timeout_minutes * 60,
            progress_interval=settings.progress_interval_seconds,
            told=told,
            worker=worker,
            outage_patience=OUTAGE_PATIENCE if timing.outage_patience is None else timing.outage_patience,
            now=timing.now,
            clock=timing.clock,
            sleep=timing.sleep,
        )
        inline_executor = (
            InlineExecutor(services, retries=retries, begins=dry.begins)
            if dry
            else InlineExecutor(services, retries=retries)
        )
        yield Direct(clients=worlds, offload=offload, inline_executor=inline_executor, timing=timing)


def _tokens(settings: Accounts) -> list[str]:
    given = (settings.codegen_api_token, settings.github_token)
    return [token.get_secret_value() for token in given if token is not None]


def _in_no_time(timing: Timing, dry: DryRun) -> Timing:
    """Without delays: no limits apply where nothing is sent."""
    return replace(
        timing,
        shortest=0.0,
        longest=0.0,
        write_gap=0.0,
        write_windows=(),
        codegen_windows={},
        now=dry.now,
        clock=dry.clock,
        sleep=dry.sleep,
    )
