"""The effective config of a repository: its file over its organization's over the defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.commands.registry import COMMANDS
from bot.errors import RETRIED, ErrorKind, UpstreamError
from bot.execution import config_texts
from bot.execution.config_files import ConfigFile
from bot.execution.config_texts import Fallback
from bot.execution.reply import Reason, Reply
from bot.execution.repository_config.merging import merge, merge_what_fits, strictest, tightened
from bot.execution.repository_config.model import Labels, Level, RepositoryConfig
from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems
from bot.text.markers import Stage


@dataclass(frozen=True, slots=True)
class InvalidConfig:
    """A config file with problems.

    :param digest: the same for the same file of the same repository
    :param fallback: what applies instead
    """

    path: str
    problems: ConfigProblems
    digest: str
    fallback: Fallback


@dataclass(frozen=True, slots=True)
class UnreadableConfig:
    """A config file that cannot be read, and has no known valid version."""

    path: str
    error: UpstreamError

    @property
    def is_temporary(self) -> bool:
        """Whether a retry may help."""
        return self.error.kind in RETRIED


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """The config that applies in a repository.

    :param invalid: the file with problems, if any
    :param unreadable: the file that must be read before anything is known, if any
    """

    config: RepositoryConfig
    invalid: InvalidConfig | None = None
    unreadable: UnreadableConfig | None = None

    def labels(self) -> Labels:
        """:raises UpstreamError: if their names are not known"""
        if self.unreadable is not None:
            raise self.unreadable.error
        return self.config.labels

    @property
    def is_closed(self) -> bool:
        """Whether nothing but help is executed here."""
        return self.unreadable is not None or (self.invalid is not None and self.invalid.fallback is Fallback.NOTHING)

    def closed(self, *, retry: str) -> Reply | None:
        """The reply to every command but help, if nothing else is executed here; usually None.

        :param retry: how to retry, for the reply
        """
        if self.unreadable is not None:
            return config_texts.unreadable_config(self.unreadable.path, self.unreadable.error, retry=retry)
        if self.invalid is not None and self.invalid.fallback is Fallback.NOTHING:
            return config_texts.closed_by_invalid_config(self.invalid.path)
        return None

    def restricted(self) -> str | None:
        """Why commands need more permission than usual, for a reply; usually None."""
        if self.invalid is not None and self.invalid.fallback is Fallback.ADMINISTRATORS:
            return config_texts.restricted_by_invalid_config(self.invalid.path)
        return None

    def problems(self) -> list[str]:
        """The problems, a line each."""
        if self.unreadable is not None:
            return [f"{self.unreadable.path}: It cannot be read ({_status(self.unreadable.error)}); only help works."]
        if self.invalid is None:
            return []
        return [f"{self.invalid.path}:{each.line}: {each.sentence}" for each in self.invalid.problems.problems]


def effective(repository: str, files: Sequence[ConfigFile], *, usual_prefix: str) -> EffectiveConfig:
    """:param files: the organization's, then the repository's own"""
    shared, own = files
    unknown = next((file for file in files if file.error and not file.is_known), None)
    if unknown is not None and unknown.error is not None:
        config = strictest(RepositoryConfig(prefix=usual_prefix), commands=_restricted())
        return EffectiveConfig(config, unreadable=UnreadableConfig(str(unknown.source), unknown.error))
    now = _with_prefix(merge_what_fits(shared.now, own.now), usual_prefix)
    last = _with_prefix(merge_what_fits(shared.last, own.last), usual_prefix)
    for file in files:
        if file.problems is not None:
            fallback = _instead_of(files)
            config = (
                tightened(last, now, usual=_usual_levels())
                if fallback is Fallback.LAST_VERSION
                else strictest(now, commands=_restricted())
            )
            return EffectiveConfig(config, _invalid(repository, file, file.problems, fallback))
    try:
        merge(shared.last, own.last)
    except ConfigProblems as problems:
        return EffectiveConfig(last, _invalid(repository, own, problems, Fallback.BOTH))
    for file in files:
        if file.error is not None and file.last is not None and file.error.kind not in _PASSING:
            reason = ConfigProblem(None, None, f"GitHub does not show it to the bot any more ({_status(file.error)}).")
            return EffectiveConfig(last, _invalid(repository, file, ConfigProblems([reason]), Fallback.HIDDEN))
    return EffectiveConfig(last)


_PASSING = RETRIED | {ErrorKind.UNAUTHORIZED}
"""Kinds of failure that say nothing of the file: a refused credential is the operator's affair."""


def _usual_levels() -> dict[str, Level]:
    return {name: command.USAGE.permission for name, command in COMMANDS.items()}


def _restricted() -> list[str]:
    """All but help: it reveals nothing confidential, and says which permission each command needs."""
    return [name for name in COMMANDS if name != "help"]


def _with_prefix(config: RepositoryConfig, usual_prefix: str) -> RepositoryConfig:
    """The repository's prefix, else the server's."""
    return config if "prefix" in config.model_fields_set else config.model_copy(update={"prefix": usual_prefix})


def _instead_of(files: Sequence[ConfigFile]) -> Fallback:
    unknown = [file for file in files if file.problems and not file.is_known]
    if not unknown:
        return Fallback.LAST_VERSION
    return Fallback.ADMINISTRATORS if all(file.has_all_patterns for file in unknown) else Fallback.NOTHING


def _invalid(repository: str, file: ConfigFile, problems: ConfigProblems, fallback: Fallback) -> InvalidConfig:
    path = str(file.source)
    text = f"{repository.lower()} {path} {fallback.value} {problems} {file.text}"
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
    return InvalidConfig(path, problems, digest, fallback)


def _status(error: UpstreamError) -> str:
    return str(error.status) if error.status else error.kind.value


_CLOSED_KEY, _RESTRICTED_KEY = "(closed)", "(restricted)"
"""Stored beside the config's keys; no key of a config file has brackets."""


@dataclass(frozen=True, slots=True)
class RecordedConfig:
    """The effective config for one command.

    :param closed: the reply to every command but help, if nothing else may be executed; usually None
    :param restricted: why commands need more permission than usual; usually None
    """

    config: RepositoryConfig
    closed: Reply | None = None
    restricted: str | None = None


def to_json(effective: EffectiveConfig, *, retry: str) -> dict[str, Any]:
    """:param retry: how to retry, for the reply"""
    document = effective.config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if (closed := effective.closed(retry=retry)) is not None:
        reason = None if closed.reason is None else closed.reason.value
        document[_CLOSED_KEY] = {"stage": closed.stage.value, "text": closed.text, "reason": reason}
    if (restricted := effective.restricted()) is not None:
        document[_RESTRICTED_KEY] = restricted
    return document


def from_json(document: dict[str, Any]) -> RecordedConfig:
    """Reads what `to_json` returned. Compiling the secret patterns may take a moment."""
    keys = {key: value for key, value in document.items() if key not in {_CLOSED_KEY, _RESTRICTED_KEY}}
    closed = document.get(_CLOSED_KEY)
    return RecordedConfig(
        RepositoryConfig.model_validate(keys, by_alias=True, by_name=False),
        None if closed is None else _reply(closed),
        document.get(_RESTRICTED_KEY),
    )


def _reply(document: dict[str, Any]) -> Reply:
    reason = document["reason"]
    return Reply(
        stage=Stage(document["stage"]), text=document["text"], reason=None if reason is None else Reason(reason)
    )
