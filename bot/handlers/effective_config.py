"""The effective config of a repository: the organization's file and its own merged, also if one of them fails.

It fails closed. If a file cannot be read, its last valid version applies; if it is invalid, its last valid version,
tightened by whatever the invalid one restricts more. Without any valid version only administrators may do anything, and
nothing at all is executed if the file was never read or may hold secret patterns that cannot be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.commands.help import Help
from bot.commands.table import COMMANDS
from bot.errors import RETRIED, UpstreamError
from bot.handlers.config_files import ConfigFile
from bot.replies import config_texts
from bot.replies.config_texts import Holds
from bot.replies.reply import Reply
from bot.repository_config.merging import merge, merge_what_fits
from bot.repository_config.model import Labels, Level, RepositoryConfig
from bot.repository_config.problems import ConfigProblem, ConfigProblems
from bot.repository_config.tightening import strictest, tightened


@dataclass(frozen=True, slots=True)
class InvalidConfig:
    """A config file with problems.

    :param digest: the same for the same file of the same repository
    :param holds: what applies instead
    """

    path: str
    problems: ConfigProblems
    digest: str
    holds: Holds


@dataclass(frozen=True, slots=True)
class Unread:
    """A config file that cannot be read, and has no known valid version."""

    path: str
    error: UpstreamError

    @property
    def may_pass(self) -> bool:
        """Whether a retry may help."""
        return self.error.kind in RETRIED


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """The config that applies in a repository.

    :param wrong: the file with problems, if any
    :param unread: the file that must be read before anything is known, if any
    """

    config: RepositoryConfig
    wrong: InvalidConfig | None = None
    unread: Unread | None = None

    def labels(self) -> Labels:
        """:raises UpstreamError: if their names are not known"""
        if self.unread is not None:
            raise self.unread.error
        return self.config.labels

    @property
    def is_closed(self) -> bool:
        """Whether nothing but help is executed here."""
        return self.unread is not None or (self.wrong is not None and self.wrong.holds is Holds.NOTHING)

    def closed(self, *, again: str) -> Reply | None:
        """The reply to every command but help, if nothing else is executed here; usually None.

        :param again: how to retry, for the reply
        """
        if self.unread is not None:
            return config_texts.unread(self.unread.path, self.unread.error, again=again)
        if self.wrong is not None and self.wrong.holds is Holds.NOTHING:
            return config_texts.closed_by_mistake(self.wrong.path)
        return None

    def restricted(self) -> str | None:
        """Why commands need more permission than usual, for a reply; usually None."""
        if self.wrong is not None and self.wrong.holds is Holds.ADMINISTRATORS:
            return config_texts.restricted_by_mistake(self.wrong.path)
        return None

    def problems(self) -> list[str]:
        """The problems, a line each."""
        if self.unread is not None:
            return [f"{self.unread.path}: It cannot be read ({_status(self.unread.error)}); only help works."]
        if self.wrong is None:
            return []
        return [f"{self.wrong.path}:{each.line}: {each.sentence}" for each in self.wrong.problems.problems]


def effective(repository: str, files: Sequence[ConfigFile], *, usual_prefix: str) -> EffectiveConfig:
    """:param files: the organization's, then the repository's own"""
    shared, own = files
    unknown = next((file for file in files if file.unread and not file.is_known), None)
    if unknown is not None and unknown.unread is not None:
        config = strictest(RepositoryConfig(prefix=usual_prefix), commands=_RESTRICTED)
        return EffectiveConfig(config, unread=Unread(str(unknown.source), unknown.unread))
    now = _with_prefix(merge_what_fits(shared.now, own.now), usual_prefix)
    last = _with_prefix(merge_what_fits(shared.last, own.last), usual_prefix)
    for file in files:
        if file.wrong is not None:
            holds = _instead_of(files)
            config = (
                tightened(last, now, usual=_USUAL)
                if holds is Holds.LAST_VERSION
                else strictest(now, commands=_RESTRICTED)
            )
            return EffectiveConfig(config, _wrong(repository, file, file.wrong, holds))
    try:
        merge(shared.last, own.last)
    except ConfigProblems as problems:
        return EffectiveConfig(last, _wrong(repository, own, problems, Holds.BOTH))
    for file in files:
        if file.unread is not None and file.last is not None and file.unread.kind not in RETRIED:
            reason = ConfigProblem(None, None, f"GitHub does not show it to the bot any more ({_status(file.unread)}).")
            return EffectiveConfig(last, _wrong(repository, file, ConfigProblems([reason]), Holds.HIDDEN))
    return EffectiveConfig(last)


_USUAL: Mapping[str, Level] = {name: command.USAGE.permission for name, command in COMMANDS.items()}
_RESTRICTED = [name for name in COMMANDS if name != Help.USAGE.name]
"""Help reveals nothing confidential, and says which permission each command needs."""


def _with_prefix(config: RepositoryConfig, usual_prefix: str) -> RepositoryConfig:
    """The repository's prefix, else the server's."""
    return config if "prefix" in config.model_fields_set else config.model_copy(update={"prefix": usual_prefix})


def _instead_of(files: Sequence[ConfigFile]) -> Holds:
    unknown = [file for file in files if file.wrong and not file.is_known]
    if not unknown:
        return Holds.LAST_VERSION
    return Holds.ADMINISTRATORS if all(file.has_all_patterns for file in unknown) else Holds.NOTHING


def _wrong(repository: str, file: ConfigFile, problems: ConfigProblems, holds: Holds) -> InvalidConfig:
    path = str(file.source)
    text = f"{repository.lower()} {path} {holds.value} {problems} {file.text}"
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
    return InvalidConfig(path, problems, digest, holds)


def _status(error: UpstreamError) -> str:
    return str(error.status) if error.status else error.kind.value
