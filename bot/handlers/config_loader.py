"""Loads and caches the effective config of each repository, from the default branches."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from bot.errors import ErrorKind, Service, UpstreamError
from bot.github.client import GitHub
from bot.handlers.config_files import ConfigReader, Source
from bot.handlers.effective_config import EffectiveConfig, Unread, effective
from bot.handlers.ports import ConfigFiles
from bot.repository_config.model import RepositoryConfig

PATH = ".github/codegen-bot.yml"
"""In the repository itself."""

ORGANISATION_PATH = "codegen-bot.yml"
"""In the owner's repository ``.github``."""

KEPT = 120.0
"""Cache lifetime in seconds; fetching an unchanged file again does not count against GitHub's rate limit."""

KEPT_WITHOUT_ANSWER = 15.0
"""Seconds after which a file that could not be read is tried again."""

PATIENCE = 5.0
"""Seconds to wait for GitHub before the last valid config is used. GitHub waits ten for a webhook's response."""

MOST_KEPT = 1_000


class ConfigLoader:
    """The effective configs of all repositories.

    :param files: the store of the last valid version of each file
    :param usual_prefix: the prefix if no file sets one
    :param path: of the file in the repository itself
    :param now: the time, recorded with each version read
    :param patience: timeout in seconds, see `PATIENCE`
    :param retry: seconds after which a file that could not be read is tried again
    """

    def __init__(
        self,
        github: GitHub,
        files: ConfigFiles,
        *,
        usual_prefix: str,
        path: str = PATH,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE,
        retry: float = KEPT_WITHOUT_ANSWER,
    ) -> None:
        self._reader = ConfigReader(github, files, now=now)
        self._path = path
        self._usual_prefix = usual_prefix
        self._clock = clock
        self._patience = patience
        self._retry = retry
        self._known: dict[str, tuple[float, EffectiveConfig]] = {}
        self._last: dict[str, EffectiveConfig] = {}
        self._asking: set[asyncio.Task[EffectiveConfig]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def usual(self) -> EffectiveConfig:
        """The config if there is no file."""
        return EffectiveConfig(RepositoryConfig(prefix=self._usual_prefix))

    @property
    def shared(self) -> list[str]:
        """The owners' ``.github`` repositories whose files apply to the repositories in the cache."""
        return sorted({f"{repository.partition('/')[0]}/.github" for repository in self._known})

    async def of(self, repository: str) -> EffectiveConfig:
        """The repository's config. Without a last version it waits for GitHub without a timeout."""
        asking, last = await self._asked(repository)
        return await asking if last is None else last

    async def soon(self, repository: str) -> EffectiveConfig:
        """The same within about `PATIENCE`, for callers that must answer GitHub; `unread` if nothing is known then."""
        asking, last = await self._asked(repository)
        if last is not None or asking.done():
            return last or asking.result()
        slow = UpstreamError(Service.GITHUB, ErrorKind.NETWORK, "file", detail="no answer yet")
        return EffectiveConfig(self.usual.config, unread=Unread(f"{repository}/{self._path}", slow))

    async def aclose(self) -> None:
        """Cancels pending fetches."""
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _asked(self, repository: str) -> tuple[asyncio.Task[EffectiveConfig], EffectiveConfig | None]:
        """:returns: the task that fetches from GitHub, and the last config if GitHub has not answered in time"""
        asking = asyncio.create_task(self._current(repository))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        await asyncio.wait((asking,), timeout=self._patience)
        return asking, None if asking.done() else self._last.get(repository.lower())

    async def _current(self, repository: str) -> EffectiveConfig:
        key = repository.lower()
        async with self._turns[key]:
            until, effective = self._known.get(key, (float("-inf"), self.usual))
            if self._clock() < until:
                return effective
            effective, kept = await self._fetch(repository)
            self._known.pop(key, None)
            self._known[key] = (self._clock() + kept, effective)
            if len(self._known) > MOST_KEPT:
                self._forget(next(iter(self._known)))
            return effective

    async def _fetch(self, repository: str) -> tuple[EffectiveConfig, float]:
        """The config, and for how many seconds to cache it."""
        owner, key = repository.partition("/")[0], repository.lower()
        sources = (
            Source(f"{owner}/.github", ORGANISATION_PATH, is_shared=True),
            Source(repository, self._path, is_shared=False),
        )
        kept = await self._reader.kept(*sources)
        if key not in self._last and all(file.is_known for file in kept):
            self._last[key] = effective(repository, kept, usual_prefix=self._usual_prefix)
        files = [await self._reader.read(file) for file in kept]
        found = effective(repository, files, usual_prefix=self._usual_prefix)
        if found.unread is not None:
            found = self._last.get(key, found)  # the database may be unavailable too
        else:
            self._last[key] = found
        return found, self._retry if any(file.unread for file in files) else KEPT

    def _forget(self, key: str) -> None:
        del self._known[key]
        self._last.pop(key, None)
        self._turns.pop(key, None)
