"""The team's stars, stored only as the label on GitHub.

The label is on a thread and a star on a run: without a database all runs of a thread share its star. Who starred one
and when is not known. In a workflow other repositories' stars are not found: its token cannot read them.
"""
# ruff: noqa: ARG002 - the client has an organization, and a label records neither who nor when

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun, RunsPage
from bot.commands.labels import label_of
from bot.errors import ErrorKind, UpstreamError, UserError
from bot.execution.config_loader import ConfigLoader
from bot.execution.on_github.marked_replies import MarkedRuns
from bot.execution.repository_config.model import LabelRole
from bot.execution.run_marks import ThreadKey, repositories_of, threads_of
from bot.github.client import GitHub
from bot.storage.models import Star

PAGES = 3
"""Pages of a hundred runs that are searched for starred ones."""


MOST_REPOSITORIES = 20
"""Repositories whose labels are read if none is named."""


class _LatestRuns:
    """The organization's latest runs, up to `PAGES`; each page is requested once, when it is needed."""

    def __init__(self, codegen: Codegen) -> None:
        self._codegen = codegen
        self._pages: list[RunsPage] = []

    async def __aiter__(self) -> AsyncIterator[AgentRun]:
        seen = 0
        for number in range(1, PAGES + 1):
            if len(self._pages) < number:
                self._pages.append(await self._codegen.runs_page(number))
            page = self._pages[number - 1]
            for run in page.runs:
                yield run
            seen += len(page.runs)
            if not page.runs or seen >= page.total:
                return


class LabelledStars:
    """`bot.execution.services.Stars`."""

    def __init__(self, github: GitHub, codegen: Codegen, configs: ConfigLoader) -> None:
        self._github = github
        self._codegen = codegen
        self._configs = configs
        self._unstarred: set[ThreadKey] = set()

    async def add(self, org_id: int, run_id: int, *, threads: Sequence[ThreadKey], login: str, at: datetime) -> bool:
        """:raises UserError: if no thread can carry the star"""
        if not threads:
            raise UserError(
                f"Run {run_id} has no pull request, and the bot did not start it on an issue or a pull request: "
                "without a database a star is stored as a label only, and there is nothing to put it on."
            )
        return not any([await self._is_on(*thread) for thread in threads])

    async def which(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[ThreadKey]) -> list[int]:
        return sorted(run_ids) if any([await self._is_on(*thread) for thread in threads]) else []

    async def remove(self, org_id: int, run_ids: Collection[int], *, threads: Sequence[ThreadKey]) -> list[int]:
        was_on = any([await self._is_on(*thread) for thread in threads])
        # The handler removes the label next; until then it is ignored.
        self._unstarred |= {(repository.lower(), number) for repository, number in threads}
        return sorted(run_ids) if was_on else []

    async def all(self, org_id: int, *, repository: str | None) -> list[Star]:
        """:param repository: None: those of the latest runs' repositories that the bot's account may read"""
        latest = _LatestRuns(self._codegen)
        if repository is not None:
            return [Star(run) for run in await self._of(repository, latest, org_id)]
        repositories = dict.fromkeys([name async for run in latest for name in sorted(repositories_of(run))])
        found: set[int] = set()
        for name in [*repositories][:MOST_REPOSITORIES]:
            try:
                found |= {*await self._of(name, latest, org_id)}
            except UpstreamError as error:
                # The names are others' words, and what they name may be closed to this account.
                if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN, ErrorKind.INVALID}:
                    raise
        return [Star(run) for run in sorted(found, reverse=True)]

    async def _of(self, repository: str, latest: _LatestRuns, org_id: int) -> list[int]:
        """The starred runs of one repository."""
        numbers = await self._github.threads_labelled(repository, await self._label(repository))
        threads = {(repository.lower(), number) for number in numbers} - self._unstarred
        found: dict[int, None] = {}
        if threads:
            async for run in latest:
                owners = {*threads_of(run)}
                if owners & threads:
                    threads -= owners
                    found[run.id] = None
                if not threads:
                    break
        for _, number in sorted(threads, reverse=True):
            # No run on these pages has that pull request: use the thread's own markers. A run's mark is not checked.
            runs = await MarkedRuns(self._github).of_thread(org_id, repository=repository, number=number)
            found |= dict.fromkeys(runs[:1])
        return [*found]

    async def _is_on(self, repository: str, number: int) -> bool:
        label = (await self._label(repository)).lower()
        return any(each.name.lower() == label for each in await self._github.labels(repository, number))

    async def _label(self, repository: str) -> str:
        return label_of(LabelRole.STARRED, (await self._configs.load(repository)).labels()).name
