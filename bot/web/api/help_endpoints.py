"""The commands and the effective config of a repository, for help pages."""

from __future__ import annotations

from http import HTTPStatus

from bot.commands.table import COMMANDS
from bot.github.models import Permission
from bot.handlers.effective_config import EffectiveConfig
from bot.replies import named_prompts
from bot.replies.help import WHO
from bot.repository_config.changes import settings_of
from bot.repository_config.model import RepositoryConfig
from bot.web.api.endpoint import ApiRequest, ApiResponse
from bot.web.api.models import CommandHelp, FlagHelp, HelpQuery, HelpResponse, SettingHelp
from bot.web.problems import Problem


async def show(call: ApiRequest) -> ApiResponse:
    query: HelpQuery = call.query
    if query.repository is None:
        return ApiResponse(document=_help(None, call.services.default_config))
    repository = await _repository(call, query.repository)
    return ApiResponse(document=_help(repository, await call.services.configs.of(repository)))


async def _repository(call: ApiRequest, name: str) -> str:
    """The repository's name as Codegen spells it. The config is read with the server's own GitHub account: so the
    organization must be the server's own, and the caller must see the repository both at Codegen and on GitHub.

    :raises Problem: if that is not so
    """
    if call.org_id == call.services.own_org_id:
        key = (call.caller.key, call.org_id, "repositories")
        for each in await call.services.cache.get(key, call.codegen.repositories):
            if each.full_name.lower() == name.lower() and await _may_read(call, each.full_name):
                return each.full_name
    raise Problem(HTTPStatus.NOT_FOUND, "This token sees no such repository of the server's own organization.")


async def _may_read(call: ApiRequest, repository: str) -> bool:
    return await call.caller.access.permission(call.org_id, repository) >= Permission.READ


def _help(repository: str | None, effective: EffectiveConfig) -> HelpResponse:
    config = effective.config
    return HelpResponse(
        repository=repository,
        prefix=config.prefix,
        commands=[*_built_in(config), *_prompts(config)],
        config=[SettingHelp(name=each.name, value=each.value, is_usual=each.is_usual) for each in settings_of(config)],
        problems=effective.problems(),
    )


def _built_in(config: RepositoryConfig) -> list[CommandHelp]:
    return [
        CommandHelp(
            name=usage.name,
            summary=usage.summary,
            form=f"{config.prefix} {usage.form}",
            example=f"{config.prefix} {usage.example}",
            who=WHO[config.permission_for(usage.name, usage.permission)],
            flags=[
                FlagHelp(name=each.name, short=each.short, value=each.value, sentence=each.sentence)
                for each in usage.flags
            ],
        )
        for usage in (command.USAGE for command in COMMANDS.values())
    ]


def _prompts(config: RepositoryConfig) -> list[CommandHelp]:
    """The repository's own prompts."""
    return [
        CommandHelp(
            name=name,
            summary=named_prompts.about(prompt),
            form=f"{config.prefix} {named_prompts.form(name, config)}",
            example=f"{config.prefix} {name}",
            who=WHO[config.permission_for(name, COMMANDS[prompt.command].USAGE.permission)],
            flags=[],
        )
        for name, prompt in config.prompts.items()
    ]
