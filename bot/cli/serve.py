"""``codegen-bot serve``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import log
from bot.cli.process import (
    ENV_FILE,
    PORT,
    CannotStartError,
    EndError,
    cannot_start_after,
    env_file_option,
    own_agents,
    run_until_stopped,
    server_settings,
    until,
)
from bot.errors import SettingsError
from bot.execution.outcome import ExitStatus
from bot.settings.loading import Unclaimed, load_unclaimed

if TYPE_CHECKING:
    from bot.app.start_report import StartReport

    # Imports the client and the server.
    from bot.cli.setup.flow import CreatedApp


@click.command()
@click.option(
    "--setup", "sets_up", is_flag=True, help="If there is no GitHub App yet, create one first, at the path /setup."
)
@click.option("--host", help="The address to listen on, instead of HOST; 0.0.0.0 for all.")
@click.option("--port", type=PORT, help="The port to listen on, instead of PORT; 0 for a free one.")
@env_file_option("The file with settings that the environment does not contain.")
def serve(*, sets_up: bool, host: str | None, port: int | None, env_file: Path) -> None:
    """Run the webhook server.

    Its settings are environment variables or lines of the file .env; missing ones are listed. With --setup, a server
    without a GitHub account shows a one-time token, waits until its owner has created the App, and
    writes the App's settings into the file.

    With an agents file, or an agent named in AGENT, runs are done by agents of your own in this process.
    """
    if env_file != ENV_FILE and not sets_up and not env_file.exists():
        raise CannotStartError(f"--env-file: there is no file {env_file}.")
    given = {"HOST": host, "PORT": None if port is None else str(port)}
    environ = {**os.environ, **{name: value for name, value in given.items() if value is not None}}
    named = " and ".join(f"--{name.lower()}" for name, value in given.items() if value is not None) or "HOST and PORT"
    if sets_up and not _is_set_up(environ, env_file, named):
        return
    settings = server_settings(environ, env_file=env_file)
    agents = own_agents(settings, env_file=env_file) if settings.has_own_agents else None
    _allow_many_connections()
    log.configure(level=settings.log_level, log_format=settings.log_format)
    from bot.app.server import serving, settle_down  # noqa: PLC0415 - settings errors first, then slow imports

    def show(report: StartReport) -> None:
        if settings.log_format == "console":
            click.echo(report.text(), err=True)

    async def until_stopped(stop: asyncio.Event) -> bool:
        replaced = asyncio.Event()
        async with serving(
            settings,
            agents=agents,
            replaced=replaced,
            address_named=named,
            on_stuck=_end_at_once,
            on_ready=show,
        ):
            settle_down()
            await until(stop, replaced.wait())
        return replaced.is_set()

    if run_until_stopped(until_stopped):
        raise EndError("Another process has taken over the work of this one. Start it again.", ExitStatus.FAILED)


def _end_at_once() -> None:
    """Nothing else runs in this process any more; its supervisor starts the next one."""
    os._exit(ExitStatus.INTERNAL_ERROR)


def _is_set_up(environ: Mapping[str, str], env_file: Path, named: str) -> bool:
    """False if it was stopped before there was an App."""
    with cannot_start_after(SettingsError):
        unclaimed = load_unclaimed(environ, env_file=env_file)
    if unclaimed is None:
        return True
    log.configure(level=unclaimed.address.log_level, log_format=unclaimed.address.log_format)
    return run_until_stopped(lambda stop: _set_up(unclaimed, stop, env_file=env_file, named=named))


async def _set_up(unclaimed: Unclaimed, stop: asyncio.Event, *, env_file: Path, named: str) -> bool:
    from bot.cli.setup import env_file as file  # noqa: PLC0415 - only the first start needs it
    from bot.cli.setup.server import PUBLIC_PATH, SetupServer  # noqa: PLC0415

    async def check(api: str) -> None:
        file.check(env_file, api=api)

    async def store(created: CreatedApp) -> list[str]:
        file.write(env_file, created)
        return file.next_steps(created, place=str(env_file), environ=os.environ, existing=unclaimed.given)

    server = SetupServer(store=store, check=check)
    host, port = unclaimed.address.host, unclaimed.address.port
    async with server.serving(host, port, setting=f"{named}: {host}:{port}") as url:
        click.echo(
            f"This server has no GitHub App yet. Open {PUBLIC_PATH} at its public URL, or {url} on this machine, "
            f"and enter this token: {server.token}",
            err=True,
        )
        await until(stop, server.done.wait())
    return server.done.is_set()


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
