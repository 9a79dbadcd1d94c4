"""Executes the commands of one Action run: opens the clients, runs the commands, reports progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot import log
from bot.action.event import TriggerEvent
from bot.action.inputs import InputError, Inputs
from bot.action.job import order_of_step, read_job
from bot.action.runner import Runner
from bot.app.clients import Timing
from bot.app.direct import Direct, directly
from bot.dispatch import invocations as invocations_of
from bot.errors import SettingsError, UpstreamError
from bot.github.models import Thread
from bot.handlers.effective_config import Unread
from bot.handlers.invocation import CommandInvocation, LabelChange
from bot.outcome import CommandOutcome, outcome_of
from bot.replies import config_texts
from bot.replies.failures import upstream
from bot.replies.markers import Stage
from bot.replies.phrases import duration
from bot.replies.reason import Reason, of_kind
from bot.replies.reply import Reply
from bot.repository_config.model import RepositoryConfig
from bot.settings import Accounts, load_accounts
from bot.stateless.inline_executor import CommandResult

_log = log.get(__name__)

PROGRESS_EVERY = 5.0
"""Minimum seconds between two progress lines of one command."""

STILL_THERE_EVERY = 60.0
"""Seconds without news after which a line says that the job is still waiting."""


class Work:
    """One run of the Action, from the point where there is, or may be, a command.

    :param stop: set when the job is cancelled
    """

    def __init__(
        self, environ: Mapping[str, str], inputs: Inputs, occasion: TriggerEvent, runner: Runner, *, stop: asyncio.Event
    ) -> None:
        self._environ = environ
        self._inputs = inputs
        self._occasion = occasion
        self._runner = runner
        self._stop = stop
        self._job = read_job(environ)
        self._said_at: dict[str, float] = {}

    async def execute(self, *, timing: Timing | None, dry_run: Callable[[str], None] | None) -> list[CommandOutcome]:
        """The outcome of each command, at least one.

        :raises InputError: if an input is missing or the inputs make no command
        """
        settings = settings_of(self._inputs, self._environ, is_from_fork=self._occasion.is_from_fork)
        async with directly(
            settings,
            timing=timing,
            config_path=self._inputs.config,
            told=self._told,
            worker=self._job.worker,
            retries=self._job.is_again,
            dry_run=dry_run,
        ) as direct:
            try:
                invocations = await self._orders_unless_stopped(direct)
            except _UnreadConfigError as error:
                return [error.outcome()]
            except _StoppedError:
                return [CommandOutcome(reason=Reason.INTERRUPTED, sentence="Cancelled before anything was begun.")]
            except UpstreamError as error:
                # The thread that the step names cannot be read.
                return [
                    CommandOutcome(reason=of_kind(error.kind), sentence=upstream(error, again="run the job again").text)
                ]
            if not invocations:
                return [CommandOutcome(reason=Reason.NO_COMMAND, sentence="No command here.")]
            self._runner.group(f"codegen-bot: {', '.join(invocation.name for invocation in invocations)}")
            try:
                return await self._carry_out_all(direct, invocations)
            finally:
                self._runner.end_group()

    async def _orders_unless_stopped(self, direct: Direct) -> list[CommandInvocation]:
        """:raises _StoppedError: if the job is cancelled during requests to GitHub"""
        asking, stopping = asyncio.create_task(self._invocations(direct)), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise _StoppedError
            return asking.result()
        finally:
            for task in (asking, stopping):
                task.cancel()
            await asyncio.gather(asking, stopping, return_exceptions=True)

    async def _invocations(self, direct: Direct) -> list[CommandInvocation]:
        if self._inputs.is_auto:
            return await self._orders_of_event(direct)
        repository = self._occasion.repository or None
        effective = await direct.clients.configs.of(repository) if repository else None
        if effective is not None and effective.unread is not None:
            raise _UnreadConfigError(effective.unread)
        invocation = order_of_step(
            self._inputs,
            job=self._job,
            thread=await self._thread(direct),
            repository=repository,
            config=effective.config if effective else RepositoryConfig(),
            now=direct.timing.now(),
        )
        return [invocation]

    async def _orders_of_event(self, direct: Direct) -> list[CommandInvocation]:
        event = self._occasion.event()
        if event is None:
            return []
        effective = await direct.clients.configs.of(event.thread.repository)
        now = direct.timing.now()
        # A job may have been queued, and an earlier attempt may be a month old: the time of the comment counts.
        asked_at = min(event.at or now, now)
        found = await invocations_of(event, effective=effective, now=lambda: asked_at, offload=direct.offload)
        if not found and effective.unread is not None:
            raise _UnreadConfigError(effective.unread)
        return [
            replace(invocation, waits=self._inputs.wait, posts=self._inputs.comment, label=self._label(invocation))
            for invocation in found
        ]

    def _label(self, invocation: CommandInvocation) -> LabelChange | None:
        """The label of a job that is rerun may be missing: a failed attempt also removes it."""
        return (
            replace(invocation.label, is_checked=False) if invocation.label and self._job.is_again else invocation.label
        )

    async def _thread(self, direct: Direct) -> Thread | None:
        """The pull request or issue that the step names, else the event's."""
        here = self._occasion.thread
        number = self._inputs.pull_request
        if number is None and here is None:
            number = self._occasion.pull_request_number
        if number is None or (here is not None and here.number == number):
            return here
        if not self._occasion.repository:
            raise InputError("`pull-request` is a number, and GITHUB_REPOSITORY does not say of which repository.")
        return await direct.clients.github.thread(self._occasion.repository, number)

    async def _carry_out_all(self, direct: Direct, invocations: Sequence[CommandInvocation]) -> list[CommandOutcome]:
        """Executes all concurrently, as the server does; ends early if the job is cancelled."""
        tasks = [asyncio.create_task(direct.inline_executor.execute(invocation)) for invocation in invocations]
        stopping = asyncio.create_task(self._stop.wait())
        pending: set[asyncio.Task[CommandResult]] = set(tasks)
        began = time.monotonic()
        while pending and not self._stop.is_set():
            done, _ = await asyncio.wait(
                {*pending, stopping}, timeout=STILL_THERE_EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            pending -= done
            if not done:
                self._runner.line(f"Still waiting, for {duration(time.monotonic() - began)}.")
        for task in (*pending, stopping):
            task.cancel()
        return [_outcome(each) for each in await asyncio.gather(*tasks, return_exceptions=True)]

    def _told(self, invocation: CommandInvocation, reply: Reply) -> None:
        """Logs each update, except the final one, which is part of the outcome."""
        if reply.stage in {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}:
            return
        now = time.monotonic()
        if (
            reply.stage is Stage.WORKING
            and now - self._said_at.get(invocation.identity, float("-inf")) < PROGRESS_EVERY
        ):
            return
        self._said_at[invocation.identity] = now
        self._runner.line(f"{invocation.name}: {reply.text.partition(chr(10))[0]}")


class _StoppedError(Exception):
    """The job was cancelled."""


class _UnreadConfigError(Exception):
    """Whether there is a command, or which, depends on a config file that cannot be read; the file is the only
    argument.
    """

    def outcome(self) -> CommandOutcome:
        unread: Unread = self.args[0]
        said = config_texts.unread(unread.path, unread.error, again="run the job again")
        return CommandOutcome(reason=of_kind(unread.error.kind), sentence=said.text)


def _outcome(carried: CommandResult | BaseException) -> CommandOutcome:
    match carried:
        case CommandResult():
            return outcome_of(carried)
        case asyncio.CancelledError():
            return CommandOutcome(reason=Reason.INTERRUPTED, sentence="Cancelled before anything was begun.")
        case _:
            # The outcomes of the other commands are reported all the same.
            _log.error("action.failed", exc_info=carried)
            return CommandOutcome(
                reason=Reason.INTERNAL_ERROR, sentence=f"The bot itself failed: {type(carried).__name__}."
            )


def settings_of(inputs: Inputs, environ: Mapping[str, str], *, is_from_fork: bool) -> Accounts:
    """The settings from the inputs and the environment.

    No ``.env`` file is read: the folder may contain a pull request's code, whose author must not control where the
    tokens are sent.

    :raises InputError: if one is missing or wrong
    """
    given = {
        "CODEGEN_API_TOKEN": inputs.codegen_api_token,
        "CODEGEN_ORG_ID": inputs.codegen_org_id,
        "GITHUB_TOKEN": inputs.github_token,
        "RUN_TIMEOUT_MINUTES": str(inputs.timeout_minutes or ""),
    }
    given = {name: value for name, value in given.items() if value}
    if "CODEGEN_API_TOKEN" not in {*given, *environ}:
        raise InputError(_NOT_GIVEN + (_FORK if is_from_fork else ""))
    if "CODEGEN_ORG_ID" not in {*given, *environ}:
        raise InputError("`codegen-org-id` is missing: the number stands in Codegen's settings, next to the token.")
    try:
        return load_accounts({**environ, **given}, env_file=None)
    except SettingsError as error:
        raise InputError(str(error)) from None


_NOT_GIVEN = (
    "`codegen-api-token` is empty.\n\nNext: take a token from Codegen's settings, put it into this repository's "
    "secrets as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`."
)
_FORK = (
    " This is a fork's pull request: GitHub gives its workflows no secrets. A command in a comment works there, "
    "because `issue_comment` runs in this repository."
)
