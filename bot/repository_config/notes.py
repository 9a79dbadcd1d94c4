"""Warnings about valid config files with consequences that their author may not expect."""

from __future__ import annotations

from collections.abc import Mapping

from bot.repository_config.model import Level, RepositoryConfig
from bot.repository_config.prompts import placeholders


def notes(config: RepositoryConfig, *, defaults: Mapping[str, Level]) -> list[str]:
    """A sentence or two on each.

    :param defaults: the permission that each command needs by default
    """
    return [
        _lowered(name, config, defaults[prompt.command])
        for name, prompt in config.prompts.items()
        if config.is_lowered(name, defaults[prompt.command])
    ]


def _lowered(name: str, config: RepositoryConfig, default: Level) -> str:
    prompt = config.prompts[name]
    takes, command_takes = config.permission_for(name, default), config.permission_for(prompt.command, default)
    rest = '; its "{rest}" stays empty' if "rest" in placeholders(prompt.prompt) else ""
    return (
        f'"prompts.{name}" takes {takes} access and {prompt.command} takes {command_takes}: everybody with {takes} '
        "access can start an agent with this prompt, on any issue or pull request. "
        f"It takes no flags and no words{rest}."
    )
