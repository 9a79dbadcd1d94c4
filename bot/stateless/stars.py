"""The team's stars, stored only as the label on GitHub.

The label is on a thread and a star on a run: without a database all runs of a thread share its star. Who starred one
and when is not known. Other repositories' stars are not found: a workflow's token cannot read them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from bot.codegen.client import Codegen
from bot.commands.labels import LabelRole, label_of
from bot.errors import UserError
from bot.github.client import GitHub
from bot.handlers.config_loader import ConfigLoader
from bot.handlers.run_marks import threads_of
from bot.replies.stars import no_repository_to_look_in, not_to_be_kept
from bot.stateless.thread_runs import MarkedRuns
from bot.store.models import Star

PAGES = 3
"""Pages of a hundred runs that are searched for starred ones."""


class LabelledStars:
    """`bot.handlers.ports.Stars`."""

    def __init__(self, github: GitHub, codegen: Codegen, configs: ConfigLoader) -> None:
        self._github = github
        self._codegen = codegen
        self._configs = configs
        self._bare: set[tuple[str, int]] = set()

    async def add(
        self,
        org_id: int,  # noqa: ARG002 - the client has one
        run_id: int,
        *,
        threads: Sequence[tuple[str, int]],
        login: str,  # noqa: ARG002 - a label does not record who added it
        at: datetime,  # noqa: ARG002 - nor when
    ) -> bool:
        """:raises UserError: if no thread can carry the star"""
        if not threads:
            raise UserError(not_to_be_kept(run_id))
        return not any([await self._is_on(*thread) for thread in threads])

    async def which(
        self,
        org_id: int,  # noqa: ARG002 - the client has one
        run_ids: Collection[int],
        *,
        threads: Sequence[tuple[str, int]],
    ) -> list[int]:
        return sorted(run_ids) if any([await self._is_on(*thread) for thread in threads]) else []

    async def remove(
        self,
        org_id: int,  # noqa: ARG002 - the client has one
        run_ids: Collection[int],
        *,
        threads: Sequence[tuple[str, int]],
    ) -> list[int]:
        was_on = any([await self._is_on(*thread) for thread in threads])
        # The handler removes the label next; until then it is ignored.
        self._bare |= {(repository.lower(), number) for repository, number in threads}
        return sorted(run_ids) if was_on else []

    async def all(self, org_id: int, *, repository: str | None) -> list[Star]:
        """:raises UserError: if no repository is given"""
        if repository is None:
            raise UserError(no_repository_to_look_in())
        numbers = await self._github.threads_labelled(repository, await self._label(repository))
        threads = {(repository.lower(), number) for number in numbers} - self._bare
        found: dict[int, None] = {}
        seen = 0
        for number in range(1, PAGES + 1) if threads else ():
            page = await self._codegen.runs_page(number)
            seen += len(page.runs)
            for run in page.runs:
                homes = {*threads_of(run)}
                if homes & threads:
                    threads -= homes
                    found[run.id] = None
            if not page.runs or not threads or seen >= page.total:
                break
        for _, number in sorted(threads, reverse=True):
            # No run on these pages has that pull request: use the thread's own markers. A run's mark is not checked.
            runs = await MarkedRuns(self._github).of_thread(org_id, repository=repository, number=number)
            found |= dict.fromkeys(runs[:1])
        return [Star(run) for run in found]

    async def _is_on(self, repository: str, number: int) -> bool:
        label = (await self._label(repository)).lower()
        return any(each.name.lower() == label for each in await self._github.labels(repository, number))

    async def _label(self, repository: str) -> str:
        return label_of(LabelRole.STARRED, (await self._configs.of(repository)).labels()).name
