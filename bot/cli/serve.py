"""``codegen-bot serve``."""

from __future__ import annotations

import asyncio

import click

from bot import log
from bot.cli.process import run_until_stopped, server_settings


@click.command()
def serve() -> None:
    """Run the webhook server.

    Its settings are environment variables or lines of a .env file; what is missing is told by name.
    """
    settings = server_settings()
    log.configure(level=settings.log_level, log_format=settings.log_format)
    from bot.app.server import serving  # noqa: PLC0415 - what is missing is told before half a second of imports

    async def until_stopped(stop: asyncio.Event) -> None:
        async with serving(settings):
            await stop.wait()

    run_until_stopped(until_stopped)
