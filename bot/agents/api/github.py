"""What the agents' API needs of GitHub: the repositories that the bot's account can reach, pull requests' states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.github.models import CheckRun, Permission, Person, PullRequest, Repository

CACHED = 300.0
"""Seconds for which the list of repositories is cached."""

PullRequestState = Literal["open", "closed", "draft", "ready_for_review"]


class GitHubAccount(Protocol):
    """The bot's account: `bot.github.client.GitHub`. Every method raises `bot.errors.UpstreamError`."""

    async def me(self) -> Person: ...
    async def permission(self, repository: str, login: str) -> Permission: ...
    async def repositories(self) -> Sequence[Repository]: ...
    async def check_runs(self, repository: str, ref: str) -> Sequence[CheckRun]: ...
    async def edit_pull_request(
        self, repository: str, number: int, *, state: Literal["open", "closed"] | None = None
    ) -> PullRequest: ...
    async def set_draft(self, repository: str, number: int, *, is_draft: bool) -> PullRequest: ...


@dataclass(frozen=True, slots=True)
class _Listed:
    repositories: tuple[Repository, ...]
    at: float


class KnownRepositories:
    """The repositories that the bot's account can reach, by their names in lower case order; read once in `CACHED`
    seconds, by one request for all who wait.

    :param clock: seconds
    """

    def __init__(self, github: GitHubAccount, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._github = github
        self._clock = clock
        self._listed: _Listed | None = None
        self._lock = asyncio.Lock()

    async def all(self) -> tuple[Repository, ...]:
        """:raises UpstreamError: if GitHub cannot be asked"""
        async with self._lock:
            if self._listed is None or self._clock() - self._listed.at >= CACHED:
                found = sorted(await self._github.repositories(), key=lambda each: each.name.lower())
                self._listed = _Listed(tuple(found), self._clock())
            return self._listed.repositories

    async def find(self, repository_id: int) -> Repository | None:
        """One that is not in the cached list is looked for in a fresh one: it may have been added just now."""
        for each in await self.all():
            if each.id == repository_id:
                return each
        async with self._lock:
            if self._listed is not None and self._clock() - self._listed.at >= 1.0:
                self._listed = None
        return next((each for each in await self.all() if each.id == repository_id), None)
