"""``codegen-bot emulate``."""

from __future__ import annotations

import asyncio

import click

from bot.cli.process import PORT, run_until_stopped
from bot.emulator.codegen import CONTROL_HELP as CODEGEN_HELP
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import CONTROL_HELP as GITHUB_HELP
from bot.emulator.github import GitHubEmulator
from bot.emulator.server import EmulatorServer
from bot.errors import SettingsError, os_reason


@click.group()
def emulate() -> None:
    """Run a local GitHub or Codegen emulator, for any client of their APIs."""


@emulate.command(
    help=f"Codegen's API in memory, on loopback.\n\n{CODEGEN_HELP}", short_help="Codegen's API in memory, on loopback."
)
@click.option("--port", type=PORT, default=8081, show_default=True, help="The port to listen on; 0 for a free one.")
@click.option(
    "--run-seconds",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Duration of a run in seconds.",
)
def codegen(*, port: int, run_seconds: float) -> None:
    _run(CodegenEmulator(run_seconds=run_seconds), port)


@emulate.command(
    help=f"The part of GitHub's API that the bot uses, in memory, on loopback; it signs and sends webhooks.\n\n"
    f"{GITHUB_HELP}",
    short_help="The part of GitHub's API that the bot uses, with webhooks.",
)
@click.option("--port", type=PORT, default=8082, show_default=True, help="The port to listen on; 0 for a free one.")
@click.option("--webhook-url", help="Where to send webhooks; none are sent without it.")
@click.option("--webhook-secret", default="", help="The secret that signs them.")
def github(*, port: int, webhook_url: str | None, webhook_secret: str) -> None:
    _run(GitHubEmulator(webhook_url=webhook_url, webhook_secret=webhook_secret), port)


def _run(emulator: EmulatorServer, port: int) -> None:
    async def until_stopped(stop: asyncio.Event) -> None:
        try:
            await emulator.start(port=port)
        except OSError as error:
            raise SettingsError(f"--port: {port} cannot be used: {os_reason(error)}.") from None
        try:
            click.echo(f"Listening on {emulator.url}; Ctrl-C ends it.")
            await stop.wait()
        finally:
            await emulator.stop()

    run_until_stopped(until_stopped)
