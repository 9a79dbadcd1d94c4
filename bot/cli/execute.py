"""Executes a command from the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bot.app.clients import Timing
from bot.app.direct import Direct, directly
from bot.cli.params import ThreadName
from bot.cli.process import configure_log, run_to_the_end
from bot.cli.screen import Progress, Screen
from bot.codegen.polling import PollInterval
from bot.commands.registry import Command
from bot.errors import SettingsError, UpstreamError
from bot.execution.failures import describe
from bot.execution.invocation import Authority, CommandInvocation, Via
from bot.execution.outcome import CommandOutcome, outcome_of
from bot.execution.reply import Reason, reason_of_error
from bot.github.models import Person
from bot.observer import Observer
from bot.settings.loading import load_accounts
from bot.settings.model import Accounts
from bot.upstream import RETRY_DELAYS, giving_up_after

PREFIX = "codegen-bot"
"""How commands start here, so that those proposed in a reply can be typed."""

PROGRESS_EVERY = 0.5
"""Minimum seconds between two progress updates that only the terminal shows."""

STEP_REFRESH = PollInterval(2.0, 8.0)
"""How often the last step is read for the terminal."""


READ_TIMEOUT = 8.0
"""Seconds after which calls of a command that only shows something are not repeated."""


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


def execute(typed: CliInvocation, screen: Screen) -> CommandOutcome:
    """Executes the command, shows its progress, and returns the outcome to show last."""

    async def executed(settings: Accounts) -> CommandOutcome:
        with screen.watching() as progress, _patience(typed):
            async with opened(settings, screen, progress, posts=typed.posts) as direct:
                try:
                    invocation = await invocation_of(typed, direct)
                except UpstreamError as error:
                    about = f"{typed.thread}: " if typed.thread else ""
                    return CommandOutcome(reason=reason_of_error(error.kind), sentence=f"{about}{describe(error)}")
                return outcome_of(await direct.inline_executor.execute(invocation))

    outcome = with_settings(typed, executed)
    assert outcome is not None  # noqa: S101 - neither branch returns None
    return outcome


def with_settings(
    typed: CliInvocation, work: Callable[[Accounts], Coroutine[Any, Any, CommandOutcome | None]]
) -> CommandOutcome | None:
    """Loads the settings, runs the work with them, and reports missing or wrong ones; sends log lines to stderr."""
    configure_log()
    try:
        settings = load_accounts()
        changes: dict[str, object] = {}
        if not typed.posts:
            changes["progress_interval_seconds"] = PROGRESS_EVERY
        if typed.timeout_minutes is not None:
            changes["run_timeout_minutes"] = typed.timeout_minutes
        return run_to_the_end(work(settings.model_copy(update=changes)))
    except SettingsError as error:
        return CommandOutcome(reason=Reason.BAD_INPUT, sentence=str(error))


def _patience(typed: CliInvocation) -> AbstractContextManager[None]:
    """A person waits for what a command shows; one that changes something waits until it is possible."""
    return giving_up_after(READ_TIMEOUT) if typed.command.USAGE.read_only and not typed.posts else nullcontext()


def opened(
    settings: Accounts, screen: Screen, progress: Progress, *, posts: bool
) -> AbstractAsyncContextManager[Direct]:
    """:param posts: whether a comment shows the progress, too: then it is refreshed less often"""
    return directly(
        settings,
        on_reply=progress.on_reply,
        timing=Timing() if posts else Timing(step_refresh=STEP_REFRESH),
        dry_run=screen.show_call if screen.is_dry else None,
        observer=_Retries(progress.on_notice),
    )


class _Retries(Observer):
    """Reports that a call is repeated, and why."""

    def __init__(self, on_notice: Callable[[str], None]) -> None:
        self._on_notice = on_notice

    def retrying(self, error: UpstreamError, failures: int, seconds: float) -> None:  # noqa: ARG002 - soon over
        why = error.detail.rstrip(".") or (f"status {error.status}" if error.status else error.kind.value)
        self._on_notice(f"{error.name}: {why}. Retrying ({failures + 1}/{len(RETRY_DELAYS) + 1})…")


async def invocation_of(typed: CliInvocation, direct: Direct) -> CommandInvocation:
    """:raises UpstreamError: if the thread cannot be read, or it is not known who asks"""
    thread, prefix = None, PREFIX
    if typed.thread is not None:
        thread = await direct.clients.github.thread(typed.thread.repository, typed.thread.number)
        if typed.posts:
            # Readers of a reply on the thread answer there.
            prefix = (await direct.clients.configs.load(thread.repository)).config.prefix
    return CommandInvocation(
        identity=f"cli-{uuid4().hex}",
        command=typed.command,
        thread=thread,
        repository=thread.repository if thread else typed.repository,
        comment=None,
        person=await _person(typed, direct),
        requested_at=direct.timing.now(),
        prefix=prefix,
        authority=Authority.TOKEN,
        via=Via.COMMAND_LINE,
        posts=typed.posts,
        waits=typed.waits,
    )


async def _person(typed: CliInvocation, direct: Direct) -> Person:
    """Who gives the command: the account of the GitHub token where GitHub is asked anyway, else the one that Codegen
    knows its token's owner by. Nobody for a command that only shows something, which needs no name.

    :raises UpstreamError: if neither says
    """
    is_about_github = typed.thread is not None or typed.repository is not None
    usage = typed.command.USAGE
    if usage.read_only and not (typed.posts or (usage.name == "whoami" and is_about_github)):
        return Person("", is_bot=False)
    if is_about_github and direct.has_github_account:
        me = await direct.clients.github.me()
        # A workflow's own token belongs to a bot; who started the workflow is in a variable of the runner.
        actor = os.environ.get("GITHUB_ACTOR") if os.environ.get("GITHUB_ACTIONS") == "true" else None
        return Person(actor, is_bot=False) if me.is_bot and actor else me
    return Person((await direct.clients.codegen.me()).github_username, is_bot=False)
