"""``codegen-bot serve``."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import click

from bot import log
from bot.cli.process import EndError, run_until_stopped, server_settings
from bot.outcome import ExitStatus


@click.command()
def serve() -> None:
    """Run the webhook server.

    Its settings are environment variables or lines of a .env file; what is missing is told by name.
    """
    settings = server_settings()
    _allow_many_connections()
    log.configure(level=settings.log_level, log_format=settings.log_format)
    from bot.app.server import serving, settle_down  # noqa: PLC0415 - what is missing is told before half a second of imports

    async def until_stopped(stop: asyncio.Event) -> bool:
        lost = False

        def lose() -> None:
            nonlocal lost
            lost = True
            stop.set()

        async with serving(settings, lost=lose):
            settle_down()
            await stop.wait()
        return lost

    if run_until_stopped(until_stopped):
        raise EndError("Another process has taken this one's work over. Start it again.", ExitStatus.FAILED)


def _allow_many_connections() -> None:
    """As many open files as the system lets this process have: every listener of a stream is one, and the usual soft
    limit of 1,024 is soon met."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
