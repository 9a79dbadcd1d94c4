"""``codegen-bot serve``."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.process import CannotStartError, EndError, first_of, run_until_stopped, server_settings
from bot.errors import SettingsError
from bot.outcome import ExitStatus
from bot.settings import Unclaimed, load_unclaimed

if TYPE_CHECKING:
    # Imports the client and the server.
    from bot.setup.flow import Made

ENV_FILE = Path(".env")
"""The settings are also read from this file."""


@click.command()
@click.option(
    "--setup", "sets_up", is_flag=True, help="If there is no GitHub App yet, create one first, at the path /setup."
)
def serve(*, sets_up: bool) -> None:
    """Run the webhook server.

    Its settings are environment variables or lines of a .env file; missing ones are listed. With --setup, a server
    without a GitHub account shows a one-time token, waits until its holder has created the App, and writes the App's
    settings into .env.
    """
    if sets_up and not _is_set_up():
        return
    settings = server_settings()
    _allow_many_connections()
    log.configure(level=settings.log_level, log_format=settings.log_format)
    from bot.app.server import serving, settle_down  # noqa: PLC0415 - settings errors first, then slow imports

    async def until_stopped(stop: asyncio.Event) -> bool:
        lost = False

        def lose() -> None:
            nonlocal lost
            lost = True
            stop.set()

        async with serving(settings, lost=lose, stuck=_end_at_once):
            settle_down()
            await stop.wait()
        return lost

    if run_until_stopped(until_stopped):
        raise EndError("Another process has taken over the work of this one. Start it again.", ExitStatus.FAILED)


def _end_at_once() -> None:
    """Nothing else runs in this process any more; its supervisor starts the next one."""
    os._exit(ExitStatus.INTERNAL_ERROR)


def _is_set_up() -> bool:
    """False if it was stopped before there was an App."""
    try:
        unclaimed = load_unclaimed()
    except SettingsError as error:
        raise CannotStartError(str(error)) from None
    if unclaimed is None:
        return True
    log.configure(level=unclaimed.log_level, log_format=unclaimed.log_format)
    return run_until_stopped(lambda stop: _set_up(unclaimed, stop))


async def _set_up(unclaimed: Unclaimed, stop: asyncio.Event) -> bool:
    from bot.setup import env_file  # noqa: PLC0415 - only the first start needs it
    from bot.setup.remote import PATH, RemoteSetUp  # noqa: PLC0415
    from bot.setup.steps import steps  # noqa: PLC0415

    async def check(api: str) -> None:
        env_file.check(ENV_FILE, api=api)

    async def keep(made: Made) -> list[str]:
        env_file.write(ENV_FILE, made)
        return steps(made, place=str(ENV_FILE), environ=os.environ, standing=unclaimed.given)

    setting_up = RemoteSetUp(keep=keep, check=check)
    async with setting_up.serving(unclaimed.host, unclaimed.port) as url:
        click.echo(
            f"This server has no GitHub App yet. Open {PATH} at its public address, or {url}{PATH} on this machine, "
            f"and give it this token: {setting_up.token}",
            err=True,
        )
        await first_of(setting_up.done, stop)
    return setting_up.done.is_set()


def _allow_many_connections() -> None:
    """Raises the limit of open files to the hard limit: every subscriber of a stream needs one, and the usual soft
    limit of 1,024 is soon reached.
    """
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
