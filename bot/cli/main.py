"""``codegen-bot``: only the table of all subcommands, so that it starts at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

import click

from bot import __version__


class Subcommand(NamedTuple):
    """A subcommand's location, and its summary in the list."""

    module: str
    attribute: str
    summary: str


SUBCOMMANDS: Mapping[str, Subcommand] = MappingProxyType(
    {
        "help": Subcommand("bot.cli.help", "help_", "Lists the comment commands and who may use them."),
        "demo": Subcommand("bot.cli.demo", "demo", "Runs a complete demo; needs no account or settings."),
        "setup": Subcommand("bot.cli.setup", "setup", "Creates the bot's GitHub App and saves its settings."),
        "serve": Subcommand("bot.cli.serve", "serve", "Runs the webhook server."),
        "action": Subcommand("bot.cli.action", "action", "Runs as a step of a GitHub workflow; action.yml calls it."),
        "receive": Subcommand("bot.cli.receive", "receive", "Processes a delivery from a file, as the Action would."),
        "send": Subcommand("bot.cli.send", "send", "Signs a delivery and sends it to a server."),
        "emulate": Subcommand("bot.cli.emulate", "emulate", "Runs a local GitHub or Codegen emulator."),
        "doctor": Subcommand("bot.cli.doctor", "doctor", "Checks settings and connectivity, and suggests fixes."),
        "labels": Subcommand("bot.cli.labels", "labels", "Creates the bot's labels in a repository."),
        "check-config": Subcommand("bot.cli.config", "check_config", "Validates a config file."),
        "config-schema": Subcommand("bot.cli.config", "config_schema", "Prints the config file's JSON schema."),
        "completion": Subcommand("bot.cli.completion", "completion", "Prints a shell completion script."),
    }
)
"""The subcommands that are no comment commands, and ``help``, which is one but needs no account here."""


class Subcommands(click.Group):
    """Imports a subcommand's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*_summaries(), *(name for name in SUBCOMMANDS if name not in _summaries())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in SUBCOMMANDS:
            module, attribute, _ = SUBCOMMANDS[cmd_name]
            found: click.Command = getattr(import_module(module), attribute)
            return found
        if cmd_name not in _summaries():
            near = difflib.get_close_matches(cmd_name[:40], self.list_commands(ctx), n=1, cutoff=0.6)
            hint = f'Did you mean "{near[0]}"?' if near else '"codegen-bot --help" lists all commands.'
            raise click.UsageError(f"There is no command {cmd_name[:40]!r}. {hint}", ctx)
        from bot.cli.commands import subcommand  # noqa: PLC0415 - see the module's docstring

        return subcommand(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        _write(formatter, "Comment commands", _summaries().items())
        _write(formatter, "Running and testing the bot", ((name, known.summary) for name, known in SUBCOMMANDS.items()))


def _summaries() -> dict[str, str]:
    """The comment commands, in the order of their table."""
    from bot.commands.table import COMMANDS  # noqa: PLC0415 - see the module's docstring

    return {name: command.USAGE.summary for name, command in COMMANDS.items() if name not in SUBCOMMANDS}


def _write(formatter: click.HelpFormatter, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    with formatter.section(heading):
        formatter.write_dl([*rows])


@click.group(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="codegen-bot")
def main() -> None:
    """Codegen's coding agents on the pull request.

    Never seen it? "codegen-bot demo" needs no account and no setting.
    """
