"""Combines configs: a repository's file over its organization's, and what of two configs restricts more.

The second is for an invalid or never-read config file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from bot.execution.repository_config.model import (
    STRICTEST,
    BotLevel,
    Budgets,
    CheckFixes,
    Level,
    NamedPrompt,
    RepositoryConfig,
    stricter,
)
from bot.execution.repository_config.problems import ConfigProblem, ConfigProblems
from bot.execution.repository_config.reading import sentence

_ONE_VALUE = frozenset({"allowed-bots"})
"""Maps that are not merged key by key: a repository must be able to exclude a bot that the organization allows."""


def merge(organization: RepositoryConfig | None, repository: RepositoryConfig | None) -> RepositoryConfig:
    """The config of a repository: its own file, and for missing keys the organization's.

    Maps are merged key by key; a named prompt is one value. A list is one value too, and so are the allowed bots. The
    keys in a file count (pydantic's fields set), so an explicit ``null`` or default overrides the organization's value.

    :param organization: None if there is no such file; `repository` likewise
    :raises ConfigProblems: if two valid files together give two labels the same name, or have too many prompts
    """
    values = _explicit_values(organization)
    for key, value in _explicit_values(repository).items():
        is_merged = isinstance(value, dict) and key not in _ONE_VALUE
        values[key] = {**values.get(key, {}), **value} if is_merged else value
    try:
        return RepositoryConfig.model_validate(values, by_alias=True, by_name=False)
    except ValidationError as error:
        sentences = [f"Together with the organization's file: {sentence(each)}" for each in error.errors()]
    raise ConfigProblems([ConfigProblem(None, None, each) for each in sentences])


def merge_what_fits(organization: RepositoryConfig | None, repository: RepositoryConfig | None) -> RepositoryConfig:
    """The same for two files that conflict: the organization's labels and prompts are dropped."""
    try:
        return merge(organization, repository)
    except ConfigProblems:
        values = {
            key: value for key, value in _explicit_values(organization).items() if key not in {"labels", "prompts"}
        }
    return merge(RepositoryConfig.model_validate(values, by_alias=True), repository)


def _explicit_values(config: RepositoryConfig | None) -> dict[str, Any]:
    return config.model_dump(by_alias=True, exclude_unset=True) if config is not None else {}


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
            **({} if now.checks.fix_commits_of_people else _without_people(base)),
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
                **now.budgets.model_dump(include=_IN_MONEY, exclude_unset=True),
            ),
            "prompts": {},
            **_without_people(now),
        }
    )


def _without_people(config: RepositoryConfig) -> dict[str, CheckFixes]:
    """The change by which people's commits are left alone."""
    return {"checks": CheckFixes(fix_commits_of_people=False)} if config.checks.fix_commits_of_people else {}


_IN_MONEY = {"cost_per_run", "cost_per_person_a_day", "cost_per_thread_a_day", "cost_per_repository_a_day"}


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
