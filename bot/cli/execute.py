"""Executes a command from the command line."""

from __future__ import annotations

import getpass
import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import uuid4

from bot.app.clients import Clients
from bot.app.direct import Direct, directly
from bot.cli.params import ThreadName
from bot.cli.process import configure_log, run_to_the_end
from bot.cli.screen import Screen, Told
from bot.commands.table import Command
from bot.errors import SettingsError, UpstreamError
from bot.github.models import Person, Thread
from bot.handlers.invocation import Authority, CommandInvocation
from bot.outcome import CommandOutcome, outcome_of
from bot.replies.failures import sentence
from bot.replies.reason import Reason, of_kind
from bot.settings import Accounts, load_accounts

PREFIX = "codegen-bot"
"""How commands start here, so that those proposed in a reply can be typed."""

PROGRESS_EVERY = 0.5
"""Minimum seconds between two progress updates that only the terminal shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliInvocation:
    """What was typed.

    :param thread: the thread to work on; None: none
    :param repository: the repository if there is no thread
    :param posts: whether to post the reply on the thread
    :param waits: whether to wait for runs to end
    :param timeout_minutes: for how long; None: the default
    """

    command: Command
    thread: ThreadName | None = None
    repository: str | None = None
    posts: bool = False
    waits: bool = True
    timeout_minutes: float | None = None


def execute(wish: CliInvocation, screen: Screen) -> CommandOutcome:
    """Executes the command, shows its progress, and returns the outcome to show last."""
    try:
        settings = accounts(wish)
        with screen.watching() as told:
            return run_to_the_end(_carry_out(wish, settings, told, screen))
    except SettingsError as error:
        return CommandOutcome(reason=Reason.BAD_INPUT, sentence=str(error))


def accounts(wish: CliInvocation) -> Accounts:
    """Loads the settings, and sends log lines to stderr.

    :raises SettingsError: naming what is missing or wrong
    """
    configure_log()
    settings = load_accounts()
    changes: dict[str, object] = {}
    if not wish.posts:
        changes["progress_interval_seconds"] = PROGRESS_EVERY
    if wish.timeout_minutes is not None:
        changes["run_timeout_minutes"] = wish.timeout_minutes
    return settings.model_copy(update=changes)


def opened(settings: Accounts, told: Told, screen: Screen) -> AbstractAsyncContextManager[Direct]:
    """The clients, or their stand-ins in a dry run."""
    return directly(settings, told=told, dry_run=screen.told_dryly if screen.is_dry else None)


async def _carry_out(wish: CliInvocation, settings: Accounts, told: Told, screen: Screen) -> CommandOutcome:
    async with opened(settings, told, screen) as direct:
        try:
            invocation = await invocation_of(wish, direct)
        except UpstreamError as error:
            return CommandOutcome(reason=of_kind(error.kind), sentence=f"{wish.thread}: {sentence(error)}")
        return outcome_of(await direct.inline_executor.execute(invocation))


async def invocation_of(wish: CliInvocation, direct: Direct) -> CommandInvocation:
    """:raises UpstreamError: if the thread cannot be read"""
    thread = await _thread(wish, direct.clients)
    return CommandInvocation(
        identity=f"cli-{uuid4().hex}",
        command=wish.command,
        thread=thread,
        repository=thread.repository if thread else wish.repository,
        comment=None,
        person=Person(_login(), is_bot=False),
        asked_at=direct.timing.now(),
        prefix=await _prefix(thread, direct.clients) if thread and wish.posts else PREFIX,
        authority=Authority.TOKEN,
        posts=wish.posts,
        waits=wish.waits,
    )


async def _thread(wish: CliInvocation, clients: Clients) -> Thread | None:
    if wish.thread is None:
        return None
    return await clients.github.thread(wish.thread.repository, wish.thread.number)


async def _prefix(thread: Thread, clients: Clients) -> str:
    """The repository's prefix: readers of a reply on the thread answer there."""
    return (await clients.configs.of(thread.repository)).config.prefix


def _login() -> str:
    """A name for Codegen's list of runs; authorization depends on the tokens alone."""
    try:
        return os.environ.get("GITHUB_ACTOR") or getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container's user may have no name.
        return "somebody"
