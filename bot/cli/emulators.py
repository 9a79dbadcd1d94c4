"""``codegen-bot demo`` and ``emulate``: GitHub and Codegen on this machine."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser

import click

from bot import log
from bot.agents.presets import SCRIPTED
from bot.cli.demo import demo as the_demo
from bot.cli.demo.conversation import Entry
from bot.cli.process import PORT, run_until_stopped, until
from bot.cli.screen import show_heading, show_markdown
from bot.emulators.codegen import CONTROL_HELP as CODEGEN_HELP
from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import CONTROL_HELP as GITHUB_HELP
from bot.emulators.github import GitHubEmulator
from bot.emulators.server import EmulatorServer
from bot.errors import SettingsError, os_reason


@click.command()
@click.option("--once", is_flag=True, help="Play the conversation once and exit with status 0.")
@click.option("--port", type=PORT, default=0, show_default="a free port", help="The playground's port.")
@click.option(
    "--api-port",
    type=PORT,
    default=None,
    show_default=f"{the_demo.API_PORT}, or a free port if that is in use",
    help="The bot's port, for its HTTP API.",
)
@click.option(
    "--agent",
    default=SCRIPTED,
    show_default="a scripted one, without a model",
    help="The agent that does the work, such as opencode; its model key is read from the environment.",
)
@click.option("--model", default=None, show_default="the agent's usual one", help="The agent's model.")
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    show_default="if there is a terminal and a desktop",
    help="Open the playground in a browser.",
)
def demo(*, once: bool, port: int, api_port: int | None, agent: str, model: str | None, opens: bool | None) -> None:
    """Run a complete demo, with GitHub emulated on this machine and a real agent in a sandbox.

    Prints the addresses of two pages: a playground, on which you can write comments, and the dashboard with two weeks
    of runs. Meanwhile it plays a short conversation and prints it. Comments go through the real webhook path; the agent
    really edits, commits and opens pull requests, in repositories of the demo.
    """
    log.configure(level="WARNING")
    play = the_demo.play(
        say=click.echo,
        once=once,
        port=port,
        api_port=api_port,
        agent=agent,
        model=model,
        show=_show_entry if sys.stdout.isatty() else None,
        open_page=webbrowser.open if (_has_desktop() if opens is None else opens) else None,
    )
    run_until_stopped(lambda stop: until(stop, play))


def _has_desktop() -> bool:
    """Whether a browser would be a window: in a plain terminal it would take the demo's place."""
    is_graphic = sys.platform in {"darwin", "win32"} or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    return sys.stdout.isatty() and is_graphic and "SSH_CONNECTION" not in os.environ


def _show_entry(entry: Entry) -> None:
    verb = "edits the comment" if entry.is_edit else "comments"
    show_heading(f"{entry.place}  {entry.login} {verb}")
    show_markdown(entry.text)
    click.echo()


@click.group()
def emulate() -> None:
    """Run a local GitHub or Codegen emulator, for any client of their APIs."""


@emulate.command(
    help=f"Codegen's API in memory, on loopback.\n\n{CODEGEN_HELP}", short_help="Codegen's API in memory, on loopback."
)
@click.option("--port", type=PORT, default=8081, show_default=True, help="The port to listen on; 0 for a free one.")
@click.option(
    "--run-seconds", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Duration of a run in seconds."
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
