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


@click.command("help", short_help="Show what can be said in comments, and who may say it.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
def help_(*, name: str | None, as_json: bool) -> None:
    """Show what can be said in comments, and who may say it; or one command in full.

    A repository's config file may change the prefix and who may, and add commands of its own: "/codegen help" in a
    comment tells of those. Here each command is a subcommand: codegen-bot run --help.
    """
    outcome = _outcome(name)
    Screen(as_json).show(outcome)
    raise SystemExit(outcome.exit_status)


_HERE = "Here each of them is a subcommand: `codegen-bot run --help`"


def _outcome(name: str | None) -> CommandOutcome:
    config = RepositoryConfig()
    if name is None:
        return CommandOutcome(reason=Reason.COMPLETED, sentence=f"{help_texts.overview(config).text}\n\n{_HERE}")
    known = name.lower().replace("_", "-")
    if known in COMMANDS:
        return CommandOutcome(reason=Reason.COMPLETED, sentence=help_texts.of(known, config).text)
    near = difflib.get_close_matches(known[:40], COMMANDS, n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "`codegen-bot help` shows all there are."
    return CommandOutcome(reason=Reason.BAD_INPUT, sentence=f"There is no command {name[:40]!r}. {hint}")
