"""``help``: the commands of a repository, and who may use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.commands.registry import COMMANDS
from bot.commands.run import ANY_AGENT_TYPE
from bot.commands.usage import Flags, Usage, first_line
from bot.execution import named_prompts
from bot.execution.agent_types import KnownAgents
from bot.execution.context import CommandContext
from bot.execution.phrases import one_line, table
from bot.execution.reply import Reply
from bot.execution.repository_config.model import RepositoryConfig
from bot.text.markers import Stage
from bot.text.untrusted import fenced, folded

EVERYDAY = ("run", "resume", "status", "logs", "multi-run", "cancel")
"""The commands that help shows unfolded."""

GROUPS: Mapping[str, Sequence[str]] = {
    "Runs and multi-runs": ("runs", "keep", "confirm", "star", "unstar", "starred"),
    "Checks and logs": ("analyze-logs", "checks", "ban-checks", "unban-checks"),
    "Pull requests": ("review", "ready", "draft", "close", "reopen", "remove"),
    "Account and set-up": ("whoami", "users", "orgs", "repos", "integrations", "setup-commands", "help"),
}
"""The other commands, by the title of their group."""

WHO: Mapping[str, str] = {
    "read": "everyone with read access",
    "triage": "people with triage access",
    "write": "people with write access",
    "maintain": "people with maintain access",
    "admin": "people with admin access",
}
"""Who has a permission, in words."""


@dataclass(frozen=True, slots=True)
class Help:
    """:param name: a command's name as it was typed; None: all"""

    USAGE: ClassVar[Usage] = Usage(
        "help",
        "Shows the commands that can be used here, and who may use them.",
        arguments="[NAME]",
        example_arguments="run",
        permission="read",
        read_only=True,
    )

    name: str | None = None

    @classmethod
    def read(cls, flags: Flags, rest: str) -> Self:  # noqa: ARG003 - it has no flags
        name, *_ = first_line(rest).split(maxsplit=1) or [""]
        return cls(name.lower().replace("_", "-")[:40] or None)


async def help_(command: Help, ctx: CommandContext) -> Reply:
    # The named prompt may have been removed since the command was parsed.
    if command.name is None or command.name not in {*COMMANDS, *ctx.config.prompts}:
        return overview(ctx.config)
    return details(command.name, ctx.config, agents=ctx.agents)


def overview(config: RepositoryConfig) -> Reply:
    """The everyday commands in a table, all others and the repository's named prompts folded, by group."""
    bots = ", ".join(f"`{login}` (`{level}`)" for login, level in config.allowed_bots.items())
    groups = [folded(title, _commands(names, config)) for title, names in GROUPS.items()]
    return Reply.of(
        Stage.FINISHED,
        "A command starts a line of a comment; what follows it is the prompt, up to the next command.",
        _commands(EVERYDAY, config),
        "\n\n".join([*groups, *([folded("Prompts of this repository", _prompts(config))] if config.prompts else [])]),
        _permissions(config),
        f"Bots that may give a command, on the first line of a comment: {bots}" if bots else "",
        f"Flags and an example of a command: `{config.prefix} help run`",
    )


def _commands(names: Sequence[str], config: RepositoryConfig) -> str:
    usages = [COMMANDS[name].USAGE for name in names]
    rows = [(f"`{config.prefix} {usage.name} {usage.arguments}".rstrip() + "`", usage.summary) for usage in usages]
    return table(("command", "what it does"), rows)


def _prompts(config: RepositoryConfig) -> str:
    rows = [
        (f"`{config.prefix} {named_prompts.form(name, config)}`", one_line(named_prompts.about(prompt), 200))
        for name, prompt in config.prompts.items()
    ]
    return table(("command", "what it does"), rows)


def _permissions(config: RepositoryConfig) -> str:
    """Who may use the commands, in a sentence: the most common permission, then the exceptions."""
    names: dict[str, list[str]] = {}
    for name in (*COMMANDS, *config.prompts):
        names.setdefault(who_may_use(name, config), []).append(f"`{name}`")
    (usual, _), *others = sorted(names.items(), key=lambda item: -len(item[1]))
    exceptions = "; ".join(f"{', '.join(each)}: {who}" for who, each in others)
    return f"Commands are for {usual}.{f' Exceptions: {exceptions}.' if exceptions else ''}"


def details(name: str, config: RepositoryConfig, *, agents: KnownAgents = None) -> Reply:
    """One command in full.

    :param name: a name of `COMMANDS`, or of one of the repository's prompts
    :param agents: the agents that a run may name
    """
    who = f"Who may use it: {who_may_use(name, config)}."
    if (prompt := config.prompts.get(name)) is not None:
        return Reply.of(
            Stage.FINISHED,
            f"**{name}**: {one_line(named_prompts.about(prompt), 200)}",
            f"`{config.prefix} {named_prompts.form(name, config)}`",
            f"It is defined by this repository, and gives `{prompt.command}` this prompt:",
            fenced(prompt.prompt, "text"),
            named_prompts.what_it_takes(name, config),
            who,
        )
    usage = COMMANDS[name].USAGE
    flags = [
        (f"`{flag.name} {_with_agents(flag.value, agents)}`, `{flag.short}`", flag.description) for flag in usage.flags
    ]
    return Reply.of(
        Stage.FINISHED,
        f"**{usage.name}**: {usage.summary}",
        f"`{config.prefix} {_with_agents(usage.form, agents)}`",
        table(("flag", "meaning"), flags) if flags else "",
        f"For example:\n```text\n{config.prefix} {usage.example}\n```",
        who,
    )


def _with_agents(form: str, agents: KnownAgents) -> str:
    return form if agents is None else form.replace(ANY_AGENT_TYPE, "|".join(agents))


def who_may_use(name: str, config: RepositoryConfig) -> str:
    """:param name: as for `details`"""
    command = config.prompts[name].command if name in config.prompts else name
    return WHO[config.permission_for(name, COMMANDS[command].USAGE.permission)]
