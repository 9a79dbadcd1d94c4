"""Reads a config file: its current content, and the last valid version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot import log
from bot.commands.table import COMMANDS
from bot.errors import ErrorKind, Service, StoreError, UpstreamError
from bot.github.client import GitHub
from bot.handlers.ports import ConfigFiles
from bot.repository_config.model import RepositoryConfig
from bot.repository_config.partly import read_partly
from bot.repository_config.problems import ConfigProblem, ConfigProblems
from bot.repository_config.reading import read

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """The location of a config file.

    :param is_shared: whether it is the organization's file, which applies to all of its repositories
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The state of a config file. If it could be read and is valid, `now` and `last` are equal.

    :param is_known: whether a valid version was ever read; that there is no file counts as one
    :param last: the content of the last valid version; None: there was no file
    :param now: the current content, as far as it can be read; otherwise `last`
    :param text: as read, or as stored; None if there is no file, or no text
    :param wrong: the current problems
    :param has_all_patterns: False if secret patterns of an invalid file could not be read
    :param unread: why it could not be read
    """

    source: Source
    is_known: bool
    last: RepositoryConfig | None
    now: RepositoryConfig | None
    text: str | None = None
    wrong: ConfigProblems | None = None
    has_all_patterns: bool = True
    unread: UpstreamError | None = None


class ConfigReader:
    """Reads config files from GitHub, and stores each valid version.

    :param files: the store
    """

    def __init__(self, github: GitHub, files: ConfigFiles, *, now: Callable[[], datetime]) -> None:
        self._github = github
        self._files = files
        self._now = now

    async def kept(self, *sources: Source) -> list[ConfigFile]:
        """The last valid version of each file, without a request to GitHub."""
        try:
            texts = await self._files.find([source.key for source in sources])
        except StoreError as error:
            _log.warning("config.last_version_missing", reason=str(error))
            texts = {}
        return [await _kept(source, texts) for source in sources]

    async def read(self, kept: ConfigFile) -> ConfigFile:
        """Reads the current content of a file.

        :param kept: its last valid version
        """
        source, last = kept.source, kept.last
        try:
            text = await self._text(kept)
        except UpstreamError as error:
            _log.warning("config.unreadable", source=str(source), reason=str(error), last_version=kept.is_known)
            return replace(kept, unread=error)
        except ConfigProblems as problems:
            return replace(kept, text=None, wrong=problems, has_all_patterns=False)
        try:
            config = await _read(text)
        except ConfigProblems as problems:
            _log.warning("config.invalid", source=str(source), last_version=kept.is_known)
            parts = await asyncio.to_thread(read_partly, text or "", commands=COMMANDS, last=last)
            has_all = parts is not None and parts.has_all_patterns
            now = parts.config if parts else last
            return replace(kept, now=now, text=text, wrong=problems, has_all_patterns=has_all)
        await self._keep(source, text)
        return ConfigFile(source=source, is_known=True, last=config, now=config, text=text)

    async def _text(self, kept: ConfigFile) -> str | None:
        """Returns None if there certainly is no file.

        GitHub answers 404 also if the bot may not see the file. An organization without a repository ``.github`` cannot
        be told from one whose repository is hidden: a 404 counts as hidden if the file was known before.

        :raises UpstreamError: if GitHub does not answer, or denies access
        :raises ConfigProblems: if the file is too large or not text
        """
        source, repository = kept.source, kept.source.repository
        hidden = UpstreamError(Service.GITHUB, ErrorKind.NOT_FOUND, "file", 404, "Not Found")
        try:
            text = await self._github.file(repository, source.path)
        except UpstreamError as error:
            if error.kind is ErrorKind.INVALID:
                raise ConfigProblems([ConfigProblem(1, None, f"The file cannot be used: {error.detail}.")]) from None
            if error.kind is not ErrorKind.NOT_FOUND or not source.is_shared:
                raise
            # The App is not installed there, or there is no such repository.
            text, hidden = None, error
        if text is not None or (kept.is_known and kept.last is None) or (source.is_shared and not kept.is_known):
            return text
        if hidden.operation != "file" or not await self._github.shows_files(repository):
            raise hidden
        return None

    async def _keep(self, source: Source, text: str | None) -> None:
        try:
            await self._files.keep(source.key, text, at=self._now())
        except StoreError as error:
            _log.warning("config.not_cached", source=str(source), reason=str(error))


async def _read(text: str | None) -> RepositoryConfig | None:
    # In a thread, because compiling its secret patterns may take a moment.
    return None if text is None else await asyncio.to_thread(read, text, commands=COMMANDS)


async def _kept(source: Source, texts: Mapping[str, str | None]) -> ConfigFile:
    text = texts.get(source.key)
    try:
        last = await _read(text)
    except ConfigProblems:
        # Stored by a version of the bot that validated it differently.
        return ConfigFile(source=source, is_known=False, last=None, now=None)
    return ConfigFile(source=source, is_known=source.key in texts, last=last, now=last, text=text)
