"""Shared by the subcommands that run a process: start, signals, end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import click

from bot import log
from bot.cli.screen import harmless_to_the_runner
from bot.errors import SettingsError
from bot.outcome import ExitStatus
from bot.settings import Settings, load

T = TypeVar("T")

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


def configure_log() -> None:
    """Logs to stderr. What a reply already says is logged only if LOG_LEVEL asks for it."""
    wanted = os.environ.get("LOG_LEVEL", "").upper()
    level = wanted if wanted in {"DEBUG", "INFO", "WARNING", "ERROR"} else "ERROR"
    log.configure(level=level, written=harmless_to_the_runner)


def server_settings() -> Settings:
    """:raises CannotStartError: naming what is missing or wrong"""
    try:
        return load()
    except SettingsError as error:
        raise CannotStartError(str(error)) from None


def run_until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Runs until it ends by itself or on SIGINT or SIGTERM; a second Ctrl-C ends it at once."""

    async def with_signals() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked(number: int) -> None:
            stop.set()
            loop.remove_signal_handler(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no such handlers; there Ctrl-C raises KeyboardInterrupt.
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, asked, number)
        return await work(stop)

    try:
        return asyncio.run(with_signals())
    except SettingsError as error:
        raise CannotStartError(str(error)) from None


async def first_of(*events: asyncio.Event) -> None:
    """Waits until one of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


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
