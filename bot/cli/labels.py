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
    """Manage the labels that the bot reads and sets."""


@labels.command("sync")
@click.argument("repository", metavar="OWNER/NAME")
def sync(repository: str) -> None:
    """Create the bot's missing labels in a repository, named as in its config file.

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
