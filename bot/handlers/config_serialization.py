"""The effective config as recorded with one command, which reads it back when it resumes after a crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.handlers.effective_config import EffectiveConfig
from bot.replies.markers import Stage
from bot.replies.reason import Reason
from bot.replies.reply import Reply
from bot.repository_config.model import RepositoryConfig

_CLOSED, _RESTRICTED = "(closed)", "(restricted)"
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


def to_json(effective: EffectiveConfig, *, again: str) -> dict[str, Any]:
    """:param again: how to retry, for the reply"""
    document = effective.config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if (closed := effective.closed(again=again)) is not None:
        reason = None if closed.reason is None else closed.reason.value
        document[_CLOSED] = {"stage": closed.stage.value, "text": closed.text, "reason": reason}
    if (restricted := effective.restricted()) is not None:
        document[_RESTRICTED] = restricted
    return document


def from_json(document: dict[str, Any]) -> RecordedConfig:
    """Reads what `to_json` returned. Compiling the secret patterns may take a moment."""
    keys = {key: value for key, value in document.items() if key not in {_CLOSED, _RESTRICTED}}
    closed = document.get(_CLOSED)
    return RecordedConfig(
        RepositoryConfig.model_validate(keys, by_alias=True, by_name=False),
        None if closed is None else _reply(closed),
        document.get(_RESTRICTED),
    )


def _reply(document: dict[str, Any]) -> Reply:
    reason = document["reason"]
    return Reply(
        stage=Stage(document["stage"]), text=document["text"], reason=None if reason is None else Reason(reason)
    )
