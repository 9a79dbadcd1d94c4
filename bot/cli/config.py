"""``codegen-bot check-config`` and ``config-schema``: the repository's config file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bot.cli.process import CannotStartError
from bot.commands.table import COMMANDS
from bot.errors import os_reason
from bot.outcome import ExitStatus
from bot.repository_config.changes import changes
from bot.repository_config.notes import notes
from bot.repository_config.problems import ConfigProblems
from bot.repository_config.reading import decode, read
from bot.repository_config.schema import schema


@click.command("check-config")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def check_config(path: Path) -> None:
    """Validate a repository's config file and report each problem with its line.

    Secret patterns are tested on texts that are slow to match; a pattern that takes too long is rejected.

    Exits with status 0 if the file is valid, 1 if it is not, and 2 if it cannot be read.
    """
    try:
        config = read(decode(path.read_bytes()), commands=COMMANDS, measures=True)
    except OSError as error:
        raise CannotStartError(f"{path} cannot be read: {os_reason(error)}.") from None
    except ConfigProblems as error:
        for problem in error.problems:
            click.echo(f"{path}:{problem.line}: {problem.sentence}")
        raise SystemExit(ExitStatus.FAILED) from None
    changed = changes(config)
    click.echo(f"{path} is fine. It changes {'this:' if changed else 'nothing from the defaults.'}")
    for line in changed:
        click.echo(f"  {line}")
    for note in notes(config, defaults={name: command.USAGE.permission for name, command in COMMANDS.items()}):
        click.echo(f"Note: {note}")


@click.command("config-schema")
def config_schema() -> None:
    """Print the JSON schema of the repository's config file, for editors."""
    click.echo(json.dumps(schema(commands=COMMANDS), indent=2))
