"""What all invocations share: the clients, the store, the clock and the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.codegen.client import Codegen
from bot.codegen.watcher import RunWatcher
from bot.github.client import GitHub
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.invocation import CommandInvocation
from bot.handlers.ports import AnswerLimits, Confirmations, Spending, Stars, ThreadRuns
from bot.handlers.recent_permissions import RecentPermissions
from bot.handlers.steady_clock import SteadyClock
from bot.offload.pool import WorkerPool
from bot.replies.reply import Reply


async def _anywhere(_repository: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One per process.

    :param offload: runs the work on long texts
    :param run_timeout: seconds to wait for a run
    :param progress_interval: the shortest time between two progress edits of one status comment, in seconds
    :param may_write: whether the holder of the tokens may write in a repository; with the bot's own GitHub token they
        may do what it may
    :param outage_patience: seconds for which a command that starts something waits during an outage of Codegen
    :param told: called with every state of every reply
    :param worker: identifies this process on GitHub, if there is no database to record who executes what
    """

    codegen: Codegen
    org_id: int
    github: GitHub
    runs: ThreadRuns
    stars: Stars
    spending: Spending
    confirmations: Confirmations
    configs: ConfigLoader
    permissions: RecentPermissions
    answer_limits: AnswerLimits
    watcher: RunWatcher
    offload: WorkerPool
    run_timeout: float
    progress_interval: float
    may_write: Callable[[str], Awaitable[bool]] = _anywhere
    told: Callable[[CommandInvocation, Reply], None] = lambda _invocation, _reply: None
    worker: str | None = None
    outage_patience: float = 0.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: SteadyClock = field(default_factory=SteadyClock.of_machine)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
