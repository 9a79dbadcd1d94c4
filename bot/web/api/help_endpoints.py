"""The commands and the effective config of a repository, for help pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import Field

from bot.commands.help import EVERYDAY, GROUPS, WHO
from bot.commands.registry import COMMANDS
from bot.execution import named_prompts
from bot.execution.effective_config import EffectiveConfig
from bot.execution.repository_config.display import settings_of
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Permission
from bot.web.api.endpoint import AnyRequest, ApiRequest, ApiResponse
from bot.web.api.models import Query, ResponseModel
from bot.web.problems import Problem


class FlagHelp(ResponseModel):
    """A flag of a command. `value`: its value's placeholder in the usage."""

    name: str
    short: str
    value: str
    description: str


class CommandHelp(ResponseModel):
    """A command, as `/codegen help` shows it. `group`: the title that it stands under."""

    name: str
    group: str
    summary: str
    form: str
    example: str
    who: str
    flags: list[FlagHelp]


class SettingHelp(ResponseModel):
    """A value of a repository's config. `is_usual`: whether it is the default."""

    name: str
    value: Any
    is_usual: bool


class HelpResponse(ResponseModel):
    """The commands, and the effective config of the given repository; without one, the defaults. `problems`: what is
    wrong with its config file, which is then ignored."""

    repository: str | None
    prefix: str
    commands: list[CommandHelp]
    config: list[SettingHelp]
    problems: list[str]


class HelpQuery(Query):
    repository: str | None = Field(None, max_length=200, description="`owner/name`, one of the organization's.")


async def get_help(call: ApiRequest[HelpQuery, None]) -> ApiResponse[HelpResponse]:
    """The commands, and a repository's effective config."""
    query = call.query
    if query.repository is None:
        return ApiResponse(document=_help(None, call.services.configs.usual))
    repository = await _repository(call, query.repository)
    return ApiResponse(document=_help(repository, await call.services.configs.load(repository)))


async def _repository(call: AnyRequest, name: str) -> str:
    """The repository's name as Codegen spells it. The config is read with the server's own GitHub account: so the
    organization must be the server's own, and the caller must see the repository both at Codegen and on GitHub.

    :raises Problem: if that is not so
    """
    if call.org_id == call.services.own_org_id:
        for each in await call.cached("repositories", call.codegen.repositories):
            if each.full_name.lower() == name.lower() and await _may_read(call, each.full_name):
                return each.full_name
    raise Problem(HTTPStatus.NOT_FOUND, "This token sees no such repository of the server's own organization.")


async def _may_read(call: AnyRequest, repository: str) -> bool:
    return await call.caller.access.permission(call.org_id, repository) >= Permission.READ


def _help(repository: str | None, effective: EffectiveConfig) -> HelpResponse:
    config = effective.config
    return HelpResponse(
        repository=repository,
        prefix=config.prefix,
        commands=[*_built_in(config), *_prompts(config)],
        config=[SettingHelp.model_validate(each, from_attributes=True) for each in settings_of(config)],
        problems=effective.problems(),
    )


def _built_in(config: RepositoryConfig) -> list[CommandHelp]:
    grouped = {"Everyday": EVERYDAY, **GROUPS}
    return [
        CommandHelp(
            name=usage.name,
            group=group,
            summary=usage.summary,
            form=f"{config.prefix} {usage.form}",
            example=f"{config.prefix} {usage.example}",
            who=WHO[config.permission_for(usage.name, usage.permission)],
            flags=[FlagHelp.model_validate(each, from_attributes=True) for each in usage.flags],
        )
        for group, names in grouped.items()
        for usage in (COMMANDS[name].USAGE for name in names)
    ]


def _prompts(config: RepositoryConfig) -> list[CommandHelp]:
    """The repository's own prompts."""
    return [
        CommandHelp(
            name=name,
            group="Prompts of this repository",
            summary=named_prompts.about(prompt),
            form=f"{config.prefix} {named_prompts.form(name, config)}",
            example=f"{config.prefix} {name}",
            who=WHO[config.permission_for(name, COMMANDS[prompt.command].USAGE.permission)],
            flags=[],
        )
        for name, prompt in config.prompts.items()
    ]
