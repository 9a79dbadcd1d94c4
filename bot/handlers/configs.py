"""Each repository's config file, fetched from its default branch and kept for a while."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from bot import log
from bot.commands.table import COMMANDS
from bot.errors import Kind, UpstreamError
from bot.github.client import GitHub
from bot.repository_config.merging import merge
from bot.repository_config.model import RepositoryConfig
from bot.repository_config.problems import ConfigProblems
from bot.repository_config.reading import read

_log = log.get(__name__)

PATH = ".github/codegen-bot.yml"
"""In the repository itself."""

ORGANISATION_PATH = "codegen-bot.yml"
"""In the owner's repository ``.github``."""

KEPT = 120.0
"""Seconds for which a config is believed; asking again costs GitHub's rate limit nothing while the file is the same."""

KEPT_WITHOUT_ANSWER = 15.0

PATIENCE = 5.0
"""Seconds; GitHub waits ten for an answer to a webhook."""

MOST_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """A config file that cannot be used.

    :param digest: the same for the same file of the same repository
    """

    path: str
    problems: ConfigProblems
    digest: str


@dataclass(frozen=True, slots=True)
class House:
    """What holds in a repository.

    :param wrong: the file that was passed over, where one was
    """

    config: RepositoryConfig
    wrong: Wrong | None = None


class Configs:
    """The config files of all repositories.

    :param usual_prefix: the prefix where no file names one
    :param path: of the file in the repository itself
    """

    def __init__(
        self,
        github: GitHub,
        *,
        usual_prefix: str,
        path: str = PATH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._github = github
        self._path = path
        self._usual_prefix = usual_prefix
        self._clock = clock
        self._known: dict[str, tuple[float, House]] = {}
        self._asking: set[asyncio.Task[House]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def usual(self) -> House:
        """What holds where no file says anything."""
        return House(RepositoryConfig(prefix=self._usual_prefix))

    async def of(self, repository: str) -> House:
        """What holds in a repository. Where GitHub does not answer: what held last, else the defaults."""
        key = repository.lower()
        async with self._turns[key]:
            until, house = self._known.get(key, (float("-inf"), self.usual))
            if self._clock() < until:
                return house
            try:
                house, kept = await self._fetch(repository), KEPT
            except UpstreamError as error:
                _log.warning("config.not-read", repository=repository, reason=str(error))
                kept = KEPT_WITHOUT_ANSWER
            self._known.pop(key, None)
            self._known[key] = (self._clock() + kept, house)
            if len(self._known) > MOST_KEPT:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._turns.pop(oldest, None)
            return house

    async def soon(self, repository: str) -> House:
        """The same within `PATIENCE`, for whoever has to answer GitHub: else what held last, else the defaults."""
        asking = asyncio.create_task(self.of(repository))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        done, _ = await asyncio.wait((asking,), timeout=PATIENCE)
        if done:
            return asking.result()
        return self._known.get(repository.lower(), (0.0, self.usual))[1]

    async def aclose(self) -> None:
        """Ends what is still being fetched."""
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _fetch(self, repository: str) -> House:
        owner = repository.partition("/")[0]
        sources = ((f"{owner}/.github", ORGANISATION_PATH), (repository, self._path))
        said: list[RepositoryConfig | None] = []
        for where, path in sources:
            text = await self._text(where, path, is_shared=where != repository)
            try:
                # In a thread: compiling its secret patterns may take a moment.
                said.append(None if text is None else await asyncio.to_thread(read, text, commands=COMMANDS))
            except ConfigProblems as problems:
                return self._passed_over(repository, f"{where}/{path}", text or "", problems)
        try:
            config = merge(*said)
        except ConfigProblems as problems:
            return self._passed_over(repository, f"{repository}/{self._path}", repr(said), problems)
        if "prefix" not in config.model_fields_set:
            config = config.model_copy(update={"prefix": self._usual_prefix})
        return House(config)

    async def _text(self, where: str, path: str, *, is_shared: bool) -> str | None:
        """A file's text. That an App is not installed in the owner's repository is as if there were none; it is the
        same answer where there is no such repository."""
        try:
            return await self._github.file(where, path)
        except UpstreamError as error:
            if is_shared and error.kind is Kind.NOT_FOUND:
                return None
            raise

    def _passed_over(self, repository: str, path: str, text: str, problems: ConfigProblems) -> House:
        digest = hashlib.sha256(f"{repository.lower()} {path} {text}".encode(errors="replace")).hexdigest()[:32]
        _log.warning("config.wrong", repository=repository, path=path)
        return House(self.usual.config, Wrong(path, problems, digest))
