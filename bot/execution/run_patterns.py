"""Which repositories' secret patterns apply to a run that is shown outside any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bot import log
from bot.codegen.models import AgentRun, Repository
from bot.errors import UpstreamError
from bot.execution.config_loader import ConfigLoader
from bot.execution.config_texts import Fallback
from bot.execution.effective_config import EffectiveConfig
from bot.execution.run_marks import repositories_of
from bot.github.models import is_repository
from bot.text.redaction.redact import UNKNOWN_PATTERNS

MOST_REPOSITORIES = 10
"""Repositories of one run whose config files are read; a run with more was not started by the bot."""

_log = log.get(__name__)


class RunPatterns:
    """The patterns of the repositories in which a run was requested, works, or has pull requests, and always those of
    the owners' ``.github`` repositories.

    A run's metadata is untrusted: only repositories that Codegen lists for the organization are read. Others could cost
    requests and memory, and an invalid config file could withhold the run's texts.

    :param org_id: the server's own organization; config files are read for no other
    :param repositories: lists those that Codegen knows in it
    """

    def __init__(
        self, configs: ConfigLoader, *, org_id: int, repositories: Callable[[], Awaitable[Sequence[Repository]]]
    ) -> None:
        self._configs = configs
        self._org_id = org_id
        self._repositories = repositories

    async def for_run(self, org_id: int, run: AgentRun) -> tuple[str, ...]:
        """The patterns for a run; if it names no listed repository, those of the owners' files."""
        return (await self.for_runs(org_id, [run]))[0]

    async def for_no_run(self, org_id: int) -> tuple[str, ...]:
        """Those of the owners' files, for texts that belong to no run yet."""
        return await self.for_run(org_id, AgentRun(id=0, organization_id=org_id))

    async def for_runs(self, org_id: int, runs: Sequence[AgentRun]) -> list[tuple[str, ...]]:
        """The patterns for each of the runs, in their order; while the repositories are unknown, `UNKNOWN_PATTERNS`."""
        if org_id != self._org_id:
            return [()] * len(runs)
        try:
            listed = {each.full_name.lower() for each in await self._repositories() if is_repository(each.full_name)}
        except UpstreamError as error:
            _log.warning("repositories.unreadable", reason=str(error))
            return [UNKNOWN_PATTERNS] * len(runs)
        shared = sorted({f"{name.partition('/')[0]}/.github" for name in listed})
        names = [[*shared, *sorted(repositories_of(run) & listed)[:MOST_REPOSITORIES]] for run in runs]
        read = [*dict.fromkeys(repository for repositories in names for repository in repositories)]
        configs = dict(zip(read, await asyncio.gather(*map(self._configs.load_soon, read)), strict=True))
        return [_all_patterns(configs[repository] for repository in repositories) for repositories in names]


def _all_patterns(configs: Iterable[EffectiveConfig]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern for effective in configs for pattern in patterns_of(effective)))


def patterns_of(effective: EffectiveConfig) -> tuple[str, ...]:
    """The patterns of a repository's secrets.

    A repository that the bot may not read is not one of its own, and adds no patterns. If the file exists or may
    exist but is not known, any text may be secret.
    """
    is_unknown = effective.invalid is not None and effective.invalid.fallback is Fallback.NOTHING
    if is_unknown or (effective.unreadable is not None and effective.unreadable.is_temporary):
        return UNKNOWN_PATTERNS
    return effective.config.secret_patterns
