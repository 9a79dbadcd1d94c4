"""``codegen-bot help``: describes the comment commands. Needs no account and sends no request."""

from __future__ import annotations

import difflib

import click

from bot.cli.screen import Screen
from bot.commands.table import COMMANDS
from bot.outcome import CommandOutcome
from bot.replies import help as help_texts
from bot.replies.reason import Reason
from bot.repository_config.model import RepositoryConfig


@click.command("help", short_help="List the comment commands and who may use them.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
def help_(*, name: str | None, as_json: bool) -> None:
    """List the comment commands and who may use them, or show one command in full.

    A repository's config file may change the prefix and the permissions, and add commands: "/codegen help" in a
    comment lists those. On the command line, each command is a subcommand: codegen-bot run --help.
    """
    outcome = _outcome(name)
    Screen(as_json).show(outcome)
    raise SystemExit(outcome.exit_status)


_HERE = "On the command line, each is a subcommand: `codegen-bot run --help`"


def _outcome(name: str | None) -> CommandOutcome:
    config = RepositoryConfig()
    if name is None:
        return CommandOutcome(reason=Reason.COMPLETED, sentence=f"{help_texts.overview(config).text}\n\n{_HERE}")
    known = name.lower().replace("_", "-")
    if known in COMMANDS:
        return CommandOutcome(reason=Reason.COMPLETED, sentence=help_texts.of(known, config).text)
    near = difflib.get_close_matches(known[:40], COMMANDS, n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "`codegen-bot help` lists all commands."
    return CommandOutcome(reason=Reason.BAD_INPUT, sentence=f"There is no command {name[:40]!r}. {hint}")
