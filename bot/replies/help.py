"""``help``: rendered from the usage that stands beside each command."""

from __future__ import annotations

from bot.commands.table import COMMANDS
from bot.commands.usage import Usage
from bot.replies.markers import Stage
from bot.replies.reply import Reply

WHO = {"read": "everybody who may read the repository", "write": "people with write access"}


def overview(*, prefix: str) -> Reply:
    """Every command in a table."""
    rows = [f"| {_code(prefix, usage)} | {usage.summary} | {WHO[usage.permission]} |" for usage in _usages()]
    text = "\n".join(
        (
            "A command starts a line of a comment; what follows it is the prompt, up to the next command.",
            "",
            "| say | what it does | who may |",
            "|---|---|---|",
            *rows,
            "",
            f"More on one of them: `{prefix} help run`",
        )
    )
    return Reply(stage=Stage.FINISHED, text=text)


def of(name: str, *, prefix: str) -> Reply:
    """One command in full.

    :param name: a name of `COMMANDS`
    """
    usage = COMMANDS[name].USAGE
    flags = [f"| `{flag.name} {flag.value}`, `{flag.short}` | {flag.sentence} |" for flag in usage.flags]
    parts = (
        f"**{usage.name}**: {usage.summary}",
        f"`{prefix} {usage.form}`",
        "\n".join(("| flag | meaning |", "|---|---|", *flags)) if flags else "",
        f"For example:\n```text\n{prefix} {usage.example}\n```",
        f"Who may: {WHO[usage.permission]}.",
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(part for part in parts if part))


def _usages() -> list[Usage]:
    return [command.USAGE for command in COMMANDS.values()]


def _code(prefix: str, usage: Usage) -> str:
    # A bar ends a table's cell, even inside code.
    return f"`{prefix} {usage.form}`".replace("|", "\\|")
