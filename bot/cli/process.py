"""Shared by the subcommands that run a process: start, signals, end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot import log
from bot.cli.screen import harmless_to_the_runner
from bot.errors import BotError, SettingsError
from bot.execution.outcome import ExitStatus
from bot.settings.environment import variables
from bot.settings.loading import load
from bot.settings.model import OwnAgents, Settings

if TYPE_CHECKING:
    # Imports the models of the agents file.
    from bot.agents.config import AgentsConfig

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])

PORT = click.IntRange(0, 65535)


class EndError(click.ClickException):
    """Ends the process with a sentence on stderr and nothing around it."""

    def __init__(self, message: str, status: ExitStatus) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click declares it on the class and reads it from the instance

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True, file=file)


class CannotStartError(EndError):
    """A setting or an argument is missing or wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitStatus.USAGE)


@contextmanager
def cannot_start_after(kind: type[BotError]) -> Iterator[None]:
    """Translates an error of the bot's own that the user can correct.

    :raises CannotStartError: with the error's sentence
    """
    try:
        yield
    except kind as error:
        raise CannotStartError(str(error)) from None


def configure_log() -> None:
    """Logs to stderr. What a reply already says is logged only if LOG_LEVEL asks for it."""
    wanted = os.environ.get("LOG_LEVEL", "").upper()
    level = wanted if wanted in {"DEBUG", "INFO", "WARNING", "ERROR"} else "ERROR"
    log.configure(level=level, written=harmless_to_the_runner)


ENV_FILE = Path(".env")
"""The settings are also read from this file."""


def env_file_option(about: str) -> Callable[[C], C]:
    """The option `--env-file`, whose default is `ENV_FILE`."""
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option("--env-file", type=path, default=ENV_FILE, show_default=True, help=about)


def server_settings(environ: Mapping[str, str] | None = None, *, env_file: Path = ENV_FILE) -> Settings:
    """:param environ: the environment; None: the process's own
    :raises CannotStartError: naming what is missing or wrong
    """
    with cannot_start_after(SettingsError):
        return load(environ, env_file=env_file)


def own_agents(settings: OwnAgents, *, env_file: Path = ENV_FILE) -> AgentsConfig:
    """The agents of one's own that the settings name.

    :param env_file: where their variables are read from too
    :raises CannotStartError: if there are none, or they cannot be used
    """
    from bot.agents.config import of_settings  # noqa: PLC0415 - only for them

    with cannot_start_after(SettingsError):
        return of_settings(settings, variables(env_file=env_file))


STOPPING = "Stopping…"


def run_until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]], *, stopping: str = STOPPING) -> T:
    """Runs until it ends by itself or on SIGINT or SIGTERM; a second Ctrl-C ends it at once.

    :param stopping: printed when it is asked to stop; empty for what says so itself
    """

    async def with_signals() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked(number: int) -> None:
            stop.set()
            # Whoever sends SIGTERM reads the log, where there may be nothing but JSON.
            if stopping and number == signal.SIGINT:
                click.echo(stopping, err=True)
            loop.remove_signal_handler(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no such handlers; there Ctrl-C raises KeyboardInterrupt.
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, asked, number)
        return await work(stop)

    with cannot_start_after(SettingsError):
        return asyncio.run(with_signals())


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Runs the work until it ends or `stop` is set, which cancels it."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def run_to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Runs until it ends. Ctrl-C and SIGTERM cancel it; it may handle the cancellation.

    :raises EndError: if it was cancelled and did not handle that
    """

    async def with_signals() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(with_signals())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise EndError("Interrupted.", ExitStatus.INTERRUPTED) from None
