"""The endpoints' dependencies besides the caller's own token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.codegen.models import AgentRun
from bot.completion_times import CompletionTimes
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.effective_config import EffectiveConfig
from bot.handlers.ports import Stars
from bot.handlers.run_patterns import RunPatterns
from bot.offload.pool import WorkerPool
from bot.web.api.cache import TokenCache
from bot.web.api.caller import Access
from bot.web.api.run_index import RunIndexes

if TYPE_CHECKING:
    from bot.web.api.multi_run_work import MultiRuns


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One instance for the whole server.

    :param own_org_id: the organization that the server itself works for
    :param stars: of all organizations
    :param cache: what rarely changes, per token
    :param indexes: all runs, per token and organization
    :param ends: when runs ended
    :param configs: the repositories' config files, read with the server's own GitHub account
    :param default_config: the effective config without a config file
    :param multi_runs: those started over HTTP
    :param patterns: the secret patterns for redacting runs' texts
    :param offload: processes long texts
    :param tell_reason: posts the reason of an action on a run's pull requests, where the server's and the caller's
        account may write, and returns where it did
    """

    own_org_id: int
    stars: Stars
    cache: TokenCache
    indexes: RunIndexes
    ends: CompletionTimes
    configs: ConfigLoader
    default_config: EffectiveConfig
    multi_runs: MultiRuns
    patterns: RunPatterns
    offload: WorkerPool
    tell_reason: Callable[[Access, int, AgentRun, str, str | None], Awaitable[str]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
