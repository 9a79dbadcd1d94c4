"""``help``: rendered from the usage beside each command."""

from __future__ import annotations

from collections.abc import Mapping

from bot.commands.table import COMMANDS
from bot.commands.usage import Usage
from bot.replies import named_prompts
from bot.replies.markers import Stage
from bot.replies.phrases import one_line
from bot.replies.reply import Reply
from bot.replies.untrusted import fenced
from bot.repository_config.model import NamedPrompt, RepositoryConfig

WHO: Mapping[str, str] = {
    "read": "everybody who may read the repository",
    "triage": "people with triage access",
    "write": "people with write access",
    "maintain": "people with maintain access",
    "admin": "people with admin access",
}
"""Who has a permission, in words."""


def overview(config: RepositoryConfig) -> Reply:
    """Every command in a table, including the repository's named prompts."""
    prefix = config.prefix
    rows = [
        f"| {_code(prefix, usage.form)} | {usage.summary} | {_who_may(usage, config)} |"
        for usage in (command.USAGE for command in COMMANDS.values())
    ]
    rows += [_prompt_row(name, prompt, config) for name, prompt in config.prompts.items()]
    text = "\n".join(
        (
            "A command starts a line of a comment; what follows it is the prompt, up to the next command.",
            "",
            "| say | what it does | who may |",
            "|---|---|---|",
            *rows,
            *_bots(config),
            "",
            f"More on one of them: `{prefix} help run`",
        )
    )
    return Reply(stage=Stage.FINISHED, text=text)


def _prompt_row(name: str, prompt: NamedPrompt, config: RepositoryConfig) -> str:
    form = _code(config.prefix, named_prompts.form(name, config))
    return f"| {form} | {one_line(named_prompts.about(prompt), 200)} | {_who(name, prompt, config)} |"


def _bots(config: RepositoryConfig) -> list[str]:
    if not config.allowed_bots:
        return []
    allowed = ", ".join(f"`{login}` (`{level}`)" for login, level in config.allowed_bots.items())
    return ["", f"Bots that may give a command, on the first line of a comment: {allowed}"]


def of(name: str, config: RepositoryConfig) -> Reply:
    """One command in full.

    :param name: a name of `COMMANDS`, or of one of the repository's prompts
    """
    prefix = config.prefix
    if name in config.prompts:
        return _of_prompt(name, config.prompts[name], config)
    usage = COMMANDS[name].USAGE
    flags = [f"| `{flag.name} {flag.value}`, `{flag.short}` | {flag.sentence} |" for flag in usage.flags]
    parts = (
        f"**{usage.name}**: {usage.summary}",
        f"`{prefix} {usage.form}`",
        "\n".join(("| flag | meaning |", "|---|---|", *flags)) if flags else "",
        f"For example:\n```text\n{prefix} {usage.example}\n```",
        f"Who may: {_who_may(usage, config)}.",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _who_may(usage: Usage, config: RepositoryConfig) -> str:
    return WHO[config.permission_for(usage.name, usage.permission)]


def _of_prompt(name: str, prompt: NamedPrompt, config: RepositoryConfig) -> Reply:
    parts = (
        f"**{name}**: {one_line(named_prompts.about(prompt), 200)}",
        f"`{config.prefix} {named_prompts.form(name, config)}`",
        f"It is this repository's own, and gives `{prompt.command}` this prompt:\n\n{fenced(prompt.prompt, 'text')}",
        named_prompts.what_it_takes(name, config),
        f"Who may: {_who(name, prompt, config)}.",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(parts))


def _who(name: str, prompt: NamedPrompt, config: RepositoryConfig) -> str:
    return WHO[config.permission_for(name, COMMANDS[prompt.command].USAGE.permission)]


def _code(prefix: str, form: str) -> str:
    # A bar ends a table's cell, even inside code.
    return f"`{prefix} {form}`".replace("|", "\\|")
