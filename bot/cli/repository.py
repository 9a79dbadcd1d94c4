"""A repository's labels and config file: ``labels sync``, ``check-config`` and ``config-schema``."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from bot import log
from bot.cli.params import RepositoryName, json_option
from bot.cli.process import CannotStartError, EndError, cannot_start_after
from bot.cli.screen import in_words, json_line
from bot.commands.registry import COMMANDS
from bot.errors import BotError, SettingsError, UpstreamError, os_reason
from bot.execution.outcome import ExitStatus
from bot.execution.repository_config.display import changes, notes, schema
from bot.execution.repository_config.problems import ConfigProblems
from bot.execution.repository_config.reading import decode, read
from bot.settings.loading import load_github

VERSION = 1
"""Version of the JSON document of ``check-config``."""


@click.group()
def labels() -> None:
    """Manage the labels that the bot reads and sets."""


@labels.command("sync", short_help="Create the bot's missing labels in a repository.")
@click.argument("repository", type=RepositoryName(), metavar="OWNER/NAME")
def sync(repository: str) -> None:
    """Create the bot's missing labels in a repository, named as in its config file.

    Needs a GitHub account alone: GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY. Exits with status 1 if GitHub
    does not allow it.
    """
    with cannot_start_after(SettingsError):
        account = load_github()
    log.configure(level="ERROR")
    from bot.app.direct import sync_labels  # noqa: PLC0415 - settings errors first, then slow imports

    try:
        names = asyncio.run(sync_labels(account, repository))
    except UpstreamError as error:
        raise EndError(f"{repository}: {in_words(error)}", ExitStatus.FAILED) from None
    except BotError as error:
        raise EndError(str(error), ExitStatus.FAILED) from None
    click.echo(f"{repository} has {', '.join(names)}.")


@click.command("check-config")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@json_option
def check_config(path: Path, *, as_json: bool) -> None:
    """Validate a repository's config file and report each problem with its line.

    Secret patterns are tested on texts that are slow to match; a pattern that takes too long is rejected.

    Exits with status 0 if the file is valid, 1 if it is not, and 2 if it cannot be read.
    """
    try:
        config = read(decode(path.read_bytes()), commands=COMMANDS, measures=True)
    except OSError as error:
        raise CannotStartError(f"{path} cannot be read: {os_reason(error)}.") from None
    except ConfigProblems as error:
        if as_json:
            problems = [{"line": each.line, "sentence": each.sentence} for each in error.problems]
            json_line({"version": VERSION, "ok": False, "problems": problems, "changes": [], "notes": []})
        else:
            for problem in error.problems:
                click.echo(f"{path}:{problem.line}: {problem.sentence}")
        raise SystemExit(ExitStatus.FAILED) from None
    changed = changes(config)
    noted = notes(config, defaults={name: command.USAGE.permission for name, command in COMMANDS.items()})
    if as_json:
        json_line({"version": VERSION, "ok": True, "problems": [], "changes": [*changed], "notes": [*noted]})
        return
    click.echo(f"{path} is fine. It changes {'this:' if changed else 'nothing from the defaults.'}")
    for line in changed:
        click.echo(f"  {line}")
    for note in noted:
        click.echo(f"Note: {note}")


@click.command("config-schema")
def config_schema() -> None:
    """Print the JSON schema of the repository's config file, for editors."""
    click.echo(json.dumps(schema(commands=COMMANDS), indent=2))
