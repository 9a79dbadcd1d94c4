"""Loads and caches the effective config of each repository, from the default branches."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution.agent_types import KnownAgents
from bot.execution.config_files import ConfigFiles, ConfigReader, Source
from bot.execution.effective_config import EffectiveConfig, UnreadableConfig, effective
from bot.execution.repository_config.model import RepositoryConfig
from bot.tasks import cancel_and_wait
from bot.upstream import patient

if TYPE_CHECKING:
    # The clients' libraries take a fifth of a second to import, and help or a wrong flag needs none of them.
    from bot.github.client import GitHub

PATH = ".github/codegen-bot.yml"
"""In the repository itself."""

ORGANIZATION_PATH = "codegen-bot.yml"
"""In the owner's repository ``.github``."""

CACHE_TTL = 120.0
"""Cache lifetime in seconds; fetching an unchanged file again does not count against GitHub's rate limit."""

UNREADABLE_TTL = 15.0
"""Seconds after which a file that could not be read is tried again."""

ANSWER_TIMEOUT = 5.0
"""Seconds to wait for GitHub before the last valid config is used. GitHub waits ten for a webhook's response."""

MOST_CACHED = 1_000


class ConfigLoader:
    """The effective configs of all repositories.

    :param files: the store of the last valid version of each file
    :param usual_prefix: the prefix if no file sets one
    :param agents: the agents that a run may name
    :param path: of the file in the repository itself
    :param now: the time, recorded with each version read
    :param timeout: timeout in seconds, see `ANSWER_TIMEOUT`
    :param retry: seconds after which a file that could not be read is tried again
    :param ttl: seconds for which a config that was read is used
    """

    def __init__(
        self,
        github: GitHub,
        files: ConfigFiles,
        *,
        usual_prefix: str,
        agents: KnownAgents = None,
        path: str = PATH,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout: float = ANSWER_TIMEOUT,
        retry: float = UNREADABLE_TTL,
        ttl: float = CACHE_TTL,
    ) -> None:
        self._reader = ConfigReader(github, files, now=now, agents=agents)
        self._path = path
        self._usual_prefix = usual_prefix
        self._clock = clock
        self._timeout = timeout
        self._retry = retry
        self._ttl = ttl
        self._known: dict[str, tuple[float, EffectiveConfig]] = {}
        self._last: dict[str, EffectiveConfig] = {}
        self._fetching: set[asyncio.Task[EffectiveConfig]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def usual(self) -> EffectiveConfig:
        """The config if there is no file."""
        return EffectiveConfig(RepositoryConfig(prefix=self._usual_prefix))

    async def load(self, repository: str) -> EffectiveConfig:
        """The repository's config. Without a last version it waits for GitHub without a timeout."""
        fetching, last = await self._fetch_within_timeout(repository)
        return await fetching if last is None else last

    async def load_soon(self, repository: str) -> EffectiveConfig:
        """The same within about `ANSWER_TIMEOUT`, for callers that must answer GitHub; else `unreadable`."""
        fetching, last = await self._fetch_within_timeout(repository)
        if last is not None or fetching.done():
            return last or fetching.result()
        slow = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "file", detail="no answer yet")
        return EffectiveConfig(self.usual.config, unreadable=UnreadableConfig(f"{repository}/{self._path}", slow))

    async def aclose(self) -> None:
        """Cancels pending fetches."""
        await cancel_and_wait(*self._fetching)

    async def _fetch_within_timeout(
        self, repository: str
    ) -> tuple[asyncio.Task[EffectiveConfig], EffectiveConfig | None]:
        """:returns: the task that fetches from GitHub, and the last config if GitHub has not answered in time"""
        fetching = asyncio.create_task(self._current(repository), context=patient())
        self._fetching.add(fetching)
        fetching.add_done_callback(self._fetched)
        await asyncio.wait((fetching,), timeout=self._timeout)
        return fetching, None if fetching.done() else self._last.get(repository.lower())

    def _fetched(self, fetching: asyncio.Task[EffectiveConfig]) -> None:
        self._fetching.discard(fetching)
        if not fetching.cancelled():
            # Whoever waited for it may have gone, as when the server stops; asyncio would log that nobody has seen it.
            fetching.exception()

    async def _current(self, repository: str) -> EffectiveConfig:
        key = repository.lower()
        async with self._turns[key]:
            until, effective = self._known.get(key, (float("-inf"), self.usual))
            if self._clock() < until:
                return effective
            effective, stored = await self._fetch(repository)
            self._known.pop(key, None)
            self._known[key] = (self._clock() + stored, effective)
            if len(self._known) > MOST_CACHED:
                self._forget(next(iter(self._known)))
            return effective

    async def _fetch(self, repository: str) -> tuple[EffectiveConfig, float]:
        """The config, and for how many seconds to cache it."""
        owner, key = repository.partition("/")[0], repository.lower()
        shared = f"{owner}/.github"
        sources = (
            Source(shared, ORGANIZATION_PATH, is_shared=True),
            Source(repository, self._path, is_shared=key == shared.lower()),
        )
        stored = await self._reader.stored(*sources)
        if key not in self._last and all(file.is_known for file in stored):
            self._last[key] = effective(repository, stored, usual_prefix=self._usual_prefix)
        files = await asyncio.gather(*map(self._reader.read, stored))
        found = effective(repository, files, usual_prefix=self._usual_prefix)
        if found.unreadable is not None:
            found = self._last.get(key, found)  # the database may be unavailable too
        else:
            self._last[key] = found
        return found, self._retry if any(file.error for file in files) else self._ttl

    def _forget(self, key: str) -> None:
        del self._known[key]
        self._last.pop(key, None)
        self._turns.pop(key, None)
