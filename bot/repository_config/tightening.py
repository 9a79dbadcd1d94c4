"""Combines the restrictions of two configs, key by key, for an invalid or never-read config file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import get_args

from bot.repository_config.model import STRICTEST, BotLevel, Budgets, Level, NamedPrompt, RepositoryConfig, stricter


def tightened(base: RepositoryConfig, now: RepositoryConfig, *, usual: Mapping[str, Level]) -> RepositoryConfig:
    """`base`, with everything that `now` restricts more.

    :param base: the last valid config
    :param now: the readable parts of an invalid one, merged over the same organization's file
    :param usual: the permission that each built-in command needs by default
    """
    return base.model_copy(
        update={
            "permissions": {
                command: level
                for command, level in ((each, _permission(each, base, now, usual)) for each in usual)
                if command in base.permissions or level != usual[command]
            },
            "allowed_bots": dict(_bots(base, now)),
            "budgets": _budgets(base.budgets, now.budgets),
            "secret_patterns": tuple(dict.fromkeys((*base.secret_patterns, *now.secret_patterns))),
            "prompts": {
                name: _prompt(name, prompt, base, now, usual)
                for name, prompt in base.prompts.items()
                if name in now.prompts
            },
        }
    )


def strictest(now: RepositoryConfig, *, commands: Collection[str]) -> RepositoryConfig:
    """The config if no valid one is known: only users with the highest permission may do anything.

    :param now: whatever could be read; its prefix, labels, defaults and secret patterns apply
    :param commands: the names of the built-in commands that are restricted
    """
    return now.model_copy(
        update={
            "permissions": dict.fromkeys(commands, STRICTEST),
            "allowed_bots": {},
            "budgets": Budgets(
                runs_per_person_a_day=1,
                runs_per_thread_a_day=1,
                runs_per_repository_a_day=1,
                confirm_multi_run_above=0,
                multi_run_timeout_minutes=now.budgets.multi_run_timeout_minutes,
            ),
            "prompts": {},
        }
    )


def _bots(base: RepositoryConfig, now: RepositoryConfig) -> Iterator[tuple[str, BotLevel]]:
    """The bots that both allow."""
    rank = get_args(BotLevel).index
    for login, level in base.allowed_bots.items():
        if (other := now.bot_level(login)) is not None:
            yield login, min(level, other, key=rank)


def _permission(name: str, base: RepositoryConfig, now: RepositoryConfig, usual: Mapping[str, Level]) -> Level:
    return stricter(base.permission_for(name, usual[name]), now.permission_for(name, usual[name]))


def _prompt(
    name: str, prompt: NamedPrompt, base: RepositoryConfig, now: RepositoryConfig, usual: Mapping[str, Level]
) -> NamedPrompt:
    levels = (
        base.permission_for(name, usual[prompt.command]),
        now.permission_for(name, usual[now.prompts[name].command]),
    )
    return prompt.model_copy(update={"permission": stricter(*levels)})


def _budgets(base: Budgets, now: Budgets) -> Budgets:
    lower = {
        name: min((limit for limit in (getattr(base, name), getattr(now, name)) if limit is not None), default=None)
        for name in Budgets.model_fields
    }
    return base.model_copy(update=lower)
