"""``codegen-bot help`` and ``completion``: need no account and send no request."""

from __future__ import annotations

import difflib

import click
from click.shell_completion import get_completion_class

from bot.cli.params import json_option
from bot.cli.screen import Screen
from bot.commands import help as help_texts
from bot.commands.registry import COMMANDS
from bot.execution.outcome import CommandOutcome
from bot.execution.reply import Reason
from bot.execution.repository_config.model import RepositoryConfig

PROGRAM = "codegen-bot"


@click.command("help")
@click.argument("name", required=False)
@json_option
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
        return CommandOutcome(reason=Reason.COMPLETED, sentence=help_texts.details(known, config).text)
    near = difflib.get_close_matches(known[:40], COMMANDS, n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "`codegen-bot help` lists all commands."
    return CommandOutcome(reason=Reason.BAD_INPUT, sentence=f"There is no command {name[:40]!r}. {hint}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the shell completion script of codegen-bot.

    \b
    bash: eval "$(codegen-bot completion bash)" in ~/.bashrc
    zsh: eval "$(codegen-bot completion zsh)" in ~/.zshrc, after compinit
    fish: codegen-bot completion fish > ~/.config/fish/completions/codegen-bot.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    click.echo(found(ctx.find_root().command, {}, PROGRAM, variable).source())
