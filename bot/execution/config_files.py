"""Reads a config file: its current content, and the last valid version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bot import log
from bot.commands.registry import COMMANDS
from bot.errors import ErrorKind, Service, StoreError, UpstreamError
from bot.execution.agent_types import KnownAgents
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems
from bot.execution.repository_config.reading import read, read_partly

if TYPE_CHECKING:
    # The clients' libraries take a fifth of a second to import, and help or a wrong flag needs none of them.
    from bot.github.client import GitHub

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """The location of a config file.

    :param is_shared: whether it is in the owner's ``.github`` repository, which need not exist
    """

    repository: str
    path: str
    is_shared: bool

    def __str__(self) -> str:
        return f"{self.repository}/{self.path}"

    @property
    def key(self) -> str:
        """The key under which its versions are stored."""
        return str(self).lower()

    def spellings(self) -> tuple[Source, ...]:
        """This location, and that of a file whose name ends in ``.yaml`` instead, which is read if this one is absent:
        otherwise its restrictions would be ignored without a word.
        """
        if not self.path.endswith(".yml"):
            return (self,)
        return self, replace(self, path=f"{self.path.removesuffix('.yml')}.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The state of a config file. If it could be read and is valid, `now` and `last` are equal.

    :param is_known: whether a valid version was ever read; that there is no file counts as one
    :param last: the content of the last valid version; None: there was no file
    :param now: the current content, as far as it can be read; otherwise `last`
    :param text: as read, or as stored; None if there is no file, or no text
    :param problems: the current problems
    :param has_all_patterns: False if secret patterns of an invalid file could not be read
    :param error: why it could not be read
    """

    source: Source
    is_known: bool
    last: RepositoryConfig | None
    now: RepositoryConfig | None
    text: str | None = None
    problems: ConfigProblems | None = None
    has_all_patterns: bool = True
    error: UpstreamError | None = None


class ConfigFiles(Protocol):
    """The last valid version of each config file."""

    async def find(self, sources: Collection[str]) -> Mapping[str, str | None]:
        """The stored versions; None for a file that was known to be absent.

        :raises StoreError: if the database is unavailable
        """

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:
        """Stores a version.

        :raises StoreError: if the database does not accept it
        """


class ConfigReader:
    """Reads config files from GitHub, and stores each valid version.

    :param files: the store
    :param agents: the agents that a run may name
    """

    def __init__(
        self, github: GitHub, files: ConfigFiles, *, now: Callable[[], datetime], agents: KnownAgents = None
    ) -> None:
        self._github = github
        self._files = files
        self._now = now
        self._agents = agents

    async def stored(self, *sources: Source) -> list[ConfigFile]:
        """The last valid version of each file, without a request to GitHub."""
        try:
            texts = await self._files.find([source.key for source in sources])
        except StoreError as error:
            _log.warning("config.last_version_missing", reason=str(error))
            texts = {}
        return [await self._stored(source, texts) for source in sources]

    async def read(self, stored: ConfigFile) -> ConfigFile:
        """Reads the current content of a file.

        :param stored: its last valid version
        """
        source, last = stored.source, stored.last
        try:
            source, text = await self._text(stored)
        except UpstreamError as error:
            _log.warning("config.unreadable", source=str(source), reason=str(error), last_version=stored.is_known)
            return replace(stored, error=error)
        except ConfigProblems as problems:
            return replace(stored, text=None, problems=problems, has_all_patterns=False)
        try:
            config = await self._valid(text)
        except ConfigProblems as problems:
            _log.warning("config.invalid", source=str(source), last_version=stored.is_known)
            parts = await asyncio.to_thread(read_partly, text or "", commands=COMMANDS, agents=self._agents, last=last)
            has_all = parts is not None and parts.has_all_patterns
            now = parts.config if parts else last
            return replace(stored, source=source, now=now, text=text, problems=problems, has_all_patterns=has_all)
        await self._keep(stored.source, text)
        return ConfigFile(source=source, is_known=True, last=config, now=config, text=text)

    async def _text(self, stored: ConfigFile) -> tuple[Source, str | None]:
        """Where the file is, and its text; None if there certainly is no file.

        GitHub answers 404 also if the bot may not see the file. An organization without a repository ``.github`` cannot
        be told from one whose repository is hidden: a 404 counts as hidden if the file was known before.

        :raises UpstreamError: if GitHub does not answer, or denies access
        :raises ConfigProblems: if the file is too large or not text
        """
        source, repository = stored.source, stored.source.repository
        hidden = UpstreamError(Service.GITHUB, ErrorKind.NOT_FOUND, "file", 404, "Not Found")
        try:
            for each in source.spellings():
                text = await self._github.file(repository, each.path)
                if text is not None:
                    return each, text
        except UpstreamError as error:
            if error.kind is ErrorKind.INVALID:
                raise ConfigProblems([ConfigProblem(1, None, f"The file cannot be used: {error.detail}.")]) from None
            if error.kind is not ErrorKind.NOT_FOUND or not source.is_shared:
                raise
            # The App is not installed there, or there is no such repository.
            hidden = error
        if (stored.is_known and stored.last is None) or (source.is_shared and not stored.is_known):
            return source, None
        if hidden.operation != "file" or not await self._github.shows_files(repository):
            raise hidden
        return source, None

    async def _keep(self, source: Source, text: str | None) -> None:
        try:
            await self._files.keep(source.key, text, at=self._now())
        except StoreError as error:
            _log.warning("config.not_cached", source=str(source), reason=str(error))

    async def _valid(self, text: str | None) -> RepositoryConfig | None:
        """:raises ConfigProblems: if it is not valid"""
        if text is None:
            return None
        # In a thread, because compiling its secret patterns may take a moment.
        return await asyncio.to_thread(read, text, commands=COMMANDS, agents=self._agents)

    async def _stored(self, source: Source, texts: Mapping[str, str | None]) -> ConfigFile:
        text = texts.get(source.key)
        try:
            last = await self._valid(text)
        except ConfigProblems:
            # Stored by a version of the bot that validated it differently, or while there were other agents.
            return ConfigFile(source=source, is_known=False, last=None, now=None)
        return ConfigFile(source=source, is_known=source.key in texts, last=last, now=last, text=text)


class InMemoryConfigFiles:
    """`bot.execution.config_files.ConfigFiles`, for as long as the process lives."""

    def __init__(self) -> None:
        self._texts: dict[str, str | None] = {}

    async def find(self, sources: Collection[str]) -> Mapping[str, str | None]:
        return {source: self._texts[source] for source in sources if source in self._texts}

    async def keep(self, source: str, text: str | None, *, at: datetime) -> None:  # noqa: ARG002 - nothing expires
        self._texts[source] = text
