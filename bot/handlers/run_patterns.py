"""Which repositories' secret patterns apply to a run that is shown outside any thread."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence

from bot.codegen.models import AgentRun
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.effective_config import EffectiveConfig
from bot.handlers.run_marks import repositories_of
from bot.replies.config_texts import Holds
from bot.replies.redaction import UNKNOWN_PATTERNS

MOST_REPOSITORIES = 10
"""Repositories of one run whose config files are read; a run with more was not started by the bot."""


class RunPatterns:
    """The patterns of the repositories in which a run was requested, works, or has pull requests.

    A run's metadata is trusted here: it can only add patterns for this one run, and remove none.

    :param org_id: the server's own organization; config files are read for no other
    """

    def __init__(self, configs: ConfigLoader, *, org_id: int) -> None:
        self._configs = configs
        self._org_id = org_id

    async def of(self, org_id: int, run: AgentRun) -> tuple[str, ...]:
        """The patterns for a run; if it names no repository, those of the known owners' files."""
        return (await self.of_each(org_id, [run]))[0]

    async def of_no_run(self, org_id: int) -> tuple[str, ...]:
        """Those of the known owners' files, for texts that belong to no run yet."""
        return await self.of(org_id, AgentRun(id=0, organization_id=org_id))

    async def of_each(self, org_id: int, runs: Sequence[AgentRun]) -> list[tuple[str, ...]]:
        """The patterns for each of the runs, in their order."""
        if org_id != self._org_id:
            return [()] * len(runs)
        of_each = [sorted(repositories_of(run))[:MOST_REPOSITORIES] or self._configs.shared for run in runs]
        named = [*dict.fromkeys(itertools.chain.from_iterable(of_each))]
        configs = dict(zip(named, await asyncio.gather(*map(self._configs.soon, named)), strict=True))
        return [_all_patterns(configs[repository] for repository in repositories) for repositories in of_each]


def _all_patterns(configs: Iterable[EffectiveConfig]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern for effective in configs for pattern in _patterns(effective)))


def _patterns(effective: EffectiveConfig) -> tuple[str, ...]:
    """A repository that the bot may not read is not one of its own, and adds no patterns. If the file exists or may
    exist but is not known, any text may be secret."""
    is_wrong = effective.wrong is not None and effective.wrong.holds is Holds.NOTHING
    if is_wrong or (effective.unread is not None and effective.unread.may_pass):
        return UNKNOWN_PATTERNS
    return effective.config.secret_patterns
