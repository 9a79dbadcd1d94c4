"""The command line. A door: it reads words, calls one function, and says in one sentence what went wrong.

What a subcommand needs is imported when it runs, so that ``--help`` and the light commands stay quick.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from bot import __version__, log
from bot.config import Settings, load
from bot.emulator.codegen import CONTROL_HELP as CODEGEN_HELP
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import CONTROL_HELP as GITHUB_HELP
from bot.emulator.github import GitHubEmulator
from bot.emulator.server import EmulatorServer
from bot.errors import BotError, SettingsError, os_reason

BAD_SETTINGS = 2
"""The exit status where a setting or an argument is missing or wrong, as click has it for arguments."""

_PORT = click.IntRange(0, 65535)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="codegen-bot")
def main() -> None:
    """Codegen's coding agents on the pull request.

    Never seen it? "codegen-bot demo" needs no account and no setting.
    """


@main.command()
@click.option("--once", is_flag=True, help="Play the conversation and leave, with exit status 0.")
@click.option("--port", type=_PORT, default=0, show_default="a free one", help="The playground's port.")
@click.option("--pace", type=click.FloatRange(min=0), default=3.0, show_default=True, help="Seconds that a run takes.")
def demo(*, once: bool, port: int, pace: float) -> None:
    """Show the whole bot at work, with GitHub and Codegen emulated on this machine.

    Plays a short conversation under a pull request and prints it. Then a page stays open on which you can take part:
    what you write goes through the real webhook path.
    """
    from bot.demo import demo as the_demo  # noqa: PLC0415 - it brings the whole server

    log.configure(level="WARNING")
    _run(lambda stop: the_demo.play(say=click.echo, once=once, port=port, pace=pace, stop=stop))


@main.command()
def serve() -> None:
    """Run the webhook server.

    Its settings are environment variables or lines of a .env file; what is missing is told by name.
    """
    settings = _settings()
    log.configure(level=settings.log_level, log_format=settings.log_format)
    from bot.app.server import serving  # noqa: PLC0415 - it brings the engine, half a second of imports

    async def until_stopped(stop: asyncio.Event) -> None:
        async with serving(settings):
            await stop.wait()

    _run(until_stopped)


@main.command("check-config")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def check_config(path: Path) -> None:
    """Say what is wrong with a repository's config file, line by line.

    Exits with status 0 where nothing is, 1 where something is, and 2 where the file cannot be read.
    """
    from bot.commands.table import COMMANDS  # noqa: PLC0415 - only this command and the next need them
    from bot.repository_config.changes import changes  # noqa: PLC0415
    from bot.repository_config.problems import ConfigProblems  # noqa: PLC0415
    from bot.repository_config.reading import decode, read  # noqa: PLC0415

    try:
        config = read(decode(path.read_bytes()), commands=COMMANDS)
    except OSError as error:
        raise _CannotStartError(f"{path} cannot be read: {os_reason(error)}.") from None
    except ConfigProblems as error:
        for problem in error.problems:
            click.echo(f"{path}:{problem.line}: {problem.sentence}")
        raise SystemExit(1) from None
    changed = changes(config)
    click.echo(f"{path} is fine. It changes {'this:' if changed else 'nothing from the defaults.'}")
    for line in changed:
        click.echo(f"  {line}")


@main.command("config-schema")
def config_schema() -> None:
    """Print the JSON schema of the repository's config file, for editors."""
    from bot.commands.table import COMMANDS  # noqa: PLC0415
    from bot.repository_config.schema import schema  # noqa: PLC0415

    click.echo(json.dumps(schema(commands=COMMANDS), indent=2))


@main.group()
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
    settings = _settings()
    log.configure(level="WARNING")
    from bot.app.server import sync_labels  # noqa: PLC0415 - it brings the clients

    try:
        names = asyncio.run(sync_labels(settings, repository))
    except BotError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    click.echo(f"{repository} has {', '.join(names)}.")


@main.group()
def emulate() -> None:
    """Run GitHub or Codegen in a box, for any client of their APIs."""


@emulate.command(
    help=f"Codegen's API in memory, on loopback.\n\n{CODEGEN_HELP}", short_help="Codegen's API in memory, on loopback."
)
@click.option("--port", type=_PORT, default=8081, show_default=True, help="The port to listen on; 0 for a free one.")
@click.option(
    "--pace", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Seconds that a run takes to its end."
)
def codegen(*, port: int, pace: float) -> None:
    _run_emulator(CodegenEmulator(pace=pace), port)


@emulate.command(
    help=f"The part of GitHub's API that the bot uses, in memory, on loopback; it signs and sends webhooks.\n\n"
    f"{GITHUB_HELP}",
    short_help="The part of GitHub's API that the bot uses, with webhooks.",
)
@click.option("--port", type=_PORT, default=8082, show_default=True, help="The port to listen on; 0 for a free one.")
@click.option("--webhook-url", help="Where webhooks go; nowhere without it.")
@click.option("--webhook-secret", default="", help="What they are signed with.")
def github(*, port: int, webhook_url: str | None, webhook_secret: str) -> None:
    _run_emulator(GitHubEmulator(webhook_url=webhook_url, webhook_secret=webhook_secret), port)


def _run_emulator(emulator: EmulatorServer, port: int) -> None:
    async def until_stopped(stop: asyncio.Event) -> None:
        try:
            await emulator.start(port=port)
        except OSError as error:
            raise SettingsError(f"--port: {port} cannot be listened on: {os_reason(error)}.") from None
        try:
            click.echo(f"Listening on {emulator.url}; Ctrl-C ends it.")
            await stop.wait()
        finally:
            await emulator.stop()

    _run(until_stopped)


def _settings() -> Settings:
    try:
        return load()
    except SettingsError as error:
        raise _CannotStartError(str(error)) from None


def _run(work: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Runs until it ends by itself or a signal asks for it; a second Ctrl-C ends it at once."""

    async def with_signals() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked(number: int) -> None:
            stop.set()
            loop.remove_signal_handler(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no such handlers; there Ctrl-C comes as KeyboardInterrupt.
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, asked, number)
        await work(stop)

    try:
        asyncio.run(with_signals())
    except SettingsError as error:
        raise _CannotStartError(str(error)) from None


class _CannotStartError(click.ClickException):
    """Ends the process with the sentence and nothing around it."""

    exit_code = BAD_SETTINGS

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True, file=file)
