"""``codegen-bot labels``."""

from __future__ import annotations

import asyncio
import re

import click

from bot import log
from bot.cli.process import EndError, server_settings
from bot.errors import BotError
from bot.outcome import ExitStatus


@click.group()
def labels() -> None:
    """The labels that the bot obeys and sets."""


@labels.command("sync")
@click.argument("repository", metavar="OWNER/NAME")
def sync(repository: str) -> None:
    """Make the bot's labels that a repository lacks, under the names that its config file gives them.

    Takes the settings of "serve". Exits with status 1 where GitHub does not let it.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise click.BadParameter(f"{repository} is not of the form OWNER/NAME.", param_hint="OWNER/NAME")
    settings = server_settings()
    log.configure(level="WARNING")
    from bot.app.server import sync_labels  # noqa: PLC0415 - settings errors first, then slow imports

    try:
        names = asyncio.run(sync_labels(settings, repository))
    except BotError as error:
        raise EndError(str(error), ExitStatus.FAILED) from None
    click.echo(f"{repository} has {', '.join(names)}.")
