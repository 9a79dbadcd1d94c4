"""Executes the commands of one Action run: opens the clients, runs the commands, reports progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bot import log
from bot.action.event import EventError, TriggerEvent
from bot.action.inputs import InputError, Inputs
from bot.action.report import Runner
from bot.action.step import read_job, step_invocation
from bot.app.clients import Timing
from bot.app.direct import Direct, directly
from bot.errors import ErrorKind, SettingsError, UpstreamError
from bot.execution import config_texts
from bot.execution.dispatch import invocations as invocations_of
from bot.execution.effective_config import EffectiveConfig
from bot.execution.failures import upstream
from bot.execution.invocation import CommandInvocation
from bot.execution.outcome import CommandOutcome, CommandResult, outcome_of
from bot.execution.phrases import duration
from bot.execution.reply import Reason, Reply, reason_of_error
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.models import Thread
from bot.settings.loading import load_accounts
from bot.settings.model import OWN_ORGANIZATION, Accounts
from bot.text.markers import Stage

if TYPE_CHECKING:
    from bot.app.agents_in_job import AgentsInJob

T = TypeVar("T")

_log = log.get(__name__)

PROGRESS_EVERY = 5.0
"""Minimum seconds between two progress lines of one command."""

STILL_WAITING_EVERY = 60.0
"""Seconds without news after which a line says that the job is still waiting."""

DEFAULT_TIMEOUT, EXTRA_TIMEOUT = 180.0, 10.0
"""Minutes that a step waits for agents in its own job: by default, and beyond the limit of one turn."""

_RETRY = "run the job again"

_TAKEN_FOR_ANOTHER = (
    "Nothing was started, because an equal step of this workflow run has an answer. If that is another call of the "
    "same reusable workflow, the bot cannot tell the two apart without reading the job's name.\n\nNext: give the "
    "calling jobs `actions: read`, or different prompts."
)
_UNREAD_NAME = (
    "The token cannot read this job's name (`actions: read`): an equal step in another call of this workflow counts as "
    "the same one."
)


class Execution:
    """One run of the Action, from the point where there is, or may be, a command.

    :param stop: set when the job is cancelled
    """

    def __init__(
        self, environ: Mapping[str, str], inputs: Inputs, event: TriggerEvent, runner: Runner, *, stop: asyncio.Event
    ) -> None:
        self._environ = environ
        self._inputs = inputs
        self._event = event
        self._runner = runner
        self._stop = stop
        self._job = read_job(environ)
        self._reported_at: dict[str, float] = {}
        self._callers_unread = False

    async def run(self, *, timing: Timing | None, dry_run: Callable[[str], None] | None) -> list[CommandOutcome]:
        """The outcome of each command, at least one.

        :raises InputError: if an input is missing or the inputs make no command
        :raises EventError: if a part of the event is missing
        """
        settings = settings_of(self._inputs, self._environ, self._event)
        async with AsyncExitStack() as stack:
            own = await stack.enter_async_context(self._own_agents(settings, timing or Timing()))
            direct = await stack.enter_async_context(
                directly(
                    settings if own is None else own.settings,
                    timing=timing if own is None else own.timing,
                    config_path=self._inputs.config,
                    on_reply=self._report_progress,
                    worker=self._job.worker,
                    retries=self._job.is_again,
                    own_agents=None if own is None else own.names,
                    dry_run=dry_run,
                )
            )
            if own is not None:
                await self._start_working(own, direct, stack)
            [found] = await self._until_cancelled([self._invocations(direct)])
            match found:
                case []:
                    return [CommandOutcome(reason=Reason.NO_COMMAND, sentence="No command here.")]
                case [*invocations]:
                    self._runner.group(f"codegen-bot: {', '.join(each.name for each in invocations)}")
                    # All concurrently, as the server does.
                    executing = [direct.inline_executor.execute(each) for each in invocations]
                    outcomes = [_outcome(result) for result in await self._until_cancelled(executing)]
                    self._runner.end_group()
                    if self._callers_unread and any(each.reason is Reason.ALREADY_ANSWERED for each in outcomes):
                        self._runner.annotate("warning", _TAKEN_FOR_ANOTHER)
                    return outcomes
                case InputError() | EventError():
                    raise found
                case BaseException():
                    return [_outcome(found)]

    @asynccontextmanager
    async def _own_agents(self, settings: Accounts, timing: Timing) -> AsyncIterator[AgentsInJob | None]:
        """The agents that work in this job; None if Codegen's do the work.

        :raises InputError: if they cannot be used
        """
        if not self._inputs.has_own_agents:
            yield None
            return
        # Needs packages that jobs without agents of their own do not install.
        from bot.action.agents import agents_of  # noqa: PLC0415
        from bot.app.agents_in_job import agents_in_job, allow_sandbox  # noqa: PLC0415

        config = agents_of(self._inputs, self._environ)
        await allow_sandbox(config, self._environ, self._runner.line)
        async with agents_in_job(config, settings, timing, folder=self._job.folder) as agents:
            yield agents

    async def _start_working(self, own: AgentsInJob, direct: Direct, stack: AsyncExitStack) -> None:
        """:raises InputError: if agents cannot be run on this machine"""
        from bot.action.agents import unusable  # noqa: PLC0415 - as above

        try:
            await stack.enter_async_context(own.working(direct.clients))
        except SettingsError as error:
            raise unusable(error) from None

    async def _until_cancelled(self, work: Sequence[Coroutine[None, None, T]]) -> list[T | BaseException]:
        """The results. If the job is cancelled, what has not ended is cancelled too, and may still return a result."""
        tasks = [asyncio.create_task(each) for each in work]
        stopping = asyncio.create_task(self._stop.wait())
        pending, began = {*tasks}, time.monotonic()
        while pending and not self._stop.is_set():
            done, _ = await asyncio.wait(
                {*pending, stopping}, timeout=STILL_WAITING_EVERY, return_when=asyncio.FIRST_COMPLETED
            )
            pending -= done
            if not done:
                self._runner.line(f"Still waiting, for {duration(time.monotonic() - began)}.")
        for task in (*pending, stopping):
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _invocations(self, direct: Direct) -> list[CommandInvocation]:
        """:raises UpstreamError: if the thread that the step names cannot be read"""
        if self._inputs.is_auto:
            return await self._invocations_of_event(direct)
        repository = self._event.repository or None
        config = RepositoryConfig()
        if repository is not None:
            effective = await direct.clients.configs.load(repository)
            if effective.unreadable is not None:
                raise _UnreadConfigError(effective)
            config = effective.config
        return [
            step_invocation(
                self._inputs,
                job=self._job,
                callers=await self._callers(direct),
                thread=await self._thread(direct),
                repository=repository,
                config=config,
                now=direct.timing.now(),
            )
        ]

    async def _invocations_of_event(self, direct: Direct) -> list[CommandInvocation]:
        event = self._event.typed()
        if event is None:
            return []
        effective = await direct.clients.configs.load(event.thread.repository)
        now = direct.timing.now()
        # A job may have been queued, and an earlier attempt may be a month old: the time of the comment counts.
        requested_at = min(event.at or now, now)
        found = await invocations_of(event, effective=effective, now=lambda: requested_at, offload=direct.offload)
        if not found and effective.unreadable is not None:
            raise _UnreadConfigError(effective)
        found = [replace(each, waits=self._inputs.wait, posts=self._inputs.comment) for each in found]
        # The label of a job that is rerun may be missing: a failed attempt also removes it.
        return [
            replace(each, label=replace(each.label, needs_check=False)) if each.label and self._job.is_again else each
            for each in found
        ]

    async def _thread(self, direct: Direct) -> Thread | None:
        """The pull request or issue that the step names, else the event's."""
        here = self._event.thread
        number = self._inputs.pull_request
        if number is None and here is None:
            number = self._event.pull_request_number
        if number is None or (here is not None and here.number == number):
            return here
        if not self._event.repository:
            raise InputError("`pull-request` is a number, and GITHUB_REPOSITORY does not say of which repository.")
        return await direct.clients.github.thread(self._event.repository, number)

    async def _callers(self, direct: Direct) -> str:
        """The names of the jobs that call this one's workflow; empty if there are none, or the token may not see it.

        :raises UpstreamError: if GitHub does not say now but may later: a rerun would take the step for another one
        """
        if self._job.check_run is None or not self._job.is_called or not self._event.repository:
            return ""
        try:
            name = await direct.clients.github.job_name(self._event.repository, self._job.check_run)
        except UpstreamError as error:
            if error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
                raise
            self._callers_unread = True
            self._runner.line(_UNREAD_NAME)
            return ""
        # The last part is the job's own name, which may well differ from one attempt to the next.
        return name.rpartition(" / ")[0]

    def _report_progress(self, invocation: CommandInvocation, reply: Reply) -> None:
        """Logs each update, except the final one, which is part of the outcome."""
        if reply.stage in {Stage.FINISHED, Stage.FAILED, Stage.REFUSED}:
            return
        now, last = time.monotonic(), self._reported_at.get(invocation.identity, float("-inf"))
        if reply.stage is not Stage.WORKING or now - last >= PROGRESS_EVERY:
            self._reported_at[invocation.identity] = now
            self._runner.line(f"{invocation.name}: {reply.text.partition(chr(10))[0]}")


class _UnreadConfigError(Exception):
    """Whether there is a command, or which, depends on a config file that cannot be read; the effective config is the
    only argument.
    """


def _outcome(result: CommandResult | BaseException) -> CommandOutcome:
    match result:
        case CommandResult():
            return outcome_of(result)
        case asyncio.CancelledError():
            return CommandOutcome(reason=Reason.INTERRUPTED, sentence="Cancelled before anything was started.")
        case UpstreamError():
            return CommandOutcome(reason=reason_of_error(result.kind), sentence=upstream(result, retry=_RETRY).text)
        case _UnreadConfigError(args=(EffectiveConfig(unreadable=unreadable),)) if unreadable is not None:
            reply = config_texts.unreadable_config(unreadable.path, unreadable.error, retry=_RETRY)
            return CommandOutcome(reason=reason_of_error(unreadable.error.kind), sentence=reply.text)
        case _:
            # The outcomes of the other commands are reported all the same.
            _log.error("action.failed", exc_info=result)
            sentence = f"The bot itself failed: {type(result).__name__}."
            return CommandOutcome(reason=Reason.INTERNAL_ERROR, sentence=sentence)


FROM_JOB = ("CODEGEN_API_TOKEN", "CODEGEN_ORG_ID", "CODEGEN_API_BASE_URL", "GITHUB_TOKEN", "GITHUB_API_URL")
"""The settings that are read from a job's environment: three that are inputs too, and both addresses."""


def settings_of(inputs: Inputs, environ: Mapping[str, str], event: TriggerEvent) -> Accounts:
    """The settings from the inputs, and for inputs that are not given those of the environment.

    A job's other variables are the project's own: it may well test a GitHub App with a GITHUB_APP_ID. No
    ``.env`` file is read: the folder may contain a pull request's code, whose author must not control where the tokens
    are sent.

    :raises InputError: if one is missing or wrong
    """
    given = {
        "CODEGEN_API_TOKEN": inputs.codegen_api_token,
        "CODEGEN_ORG_ID": inputs.codegen_org_id,
        "GITHUB_TOKEN": inputs.github_token,
        "RUN_TIMEOUT_MINUTES": str(inputs.timeout_minutes or ""),
    }
    given = {name: value for name, value in given.items() if value}
    if inputs.has_own_agents:
        return _settings_of_own_agents(inputs, environ, given)
    if "CODEGEN_API_TOKEN" not in {*given, *environ}:
        raise InputError(_no_token(environ, event))
    if "CODEGEN_ORG_ID" not in {*given, *environ}:
        raise InputError("`codegen-org-id` is missing: you find the number in Codegen's settings, next to the token.")
    try:
        return load_accounts({name: environ[name] for name in FROM_JOB if name in environ} | given, env_file=None)
    except SettingsError as error:
        raise InputError(str(error)) from None


def _settings_of_own_agents(inputs: Inputs, environ: Mapping[str, str], given: Mapping[str, str]) -> Accounts:
    """Codegen has no part in it; the agents' API is in this process.

    :raises InputError: if one is wrong
    """
    # The limit is that of the agent's turn, which ends with a reply; only then does the step stop waiting.
    minutes = {"RUN_TIMEOUT_MINUTES": str((inputs.timeout_minutes or DEFAULT_TIMEOUT) + EXTRA_TIMEOUT)}
    github = {name: environ[name] for name in ("GITHUB_TOKEN", "GITHUB_API_URL") if name in environ}
    codegen = {"CODEGEN_API_TOKEN": "none", "CODEGEN_ORG_ID": str(OWN_ORGANIZATION)}
    try:
        return load_accounts({**github, **given, **codegen, **minutes}, env_file=None)
    except SettingsError as error:
        raise InputError(str(error)) from None


def _no_token(environ: Mapping[str, str], event: TriggerEvent) -> str:
    # GITHUB_ACTOR stays Dependabot where a person runs the job again, and so do the secrets.
    if environ.get("GITHUB_ACTOR") == "dependabot[bot]" and event.name in _DEPENDABOT_SECRETS_ON:
        return _DEPENDABOT
    return _NOT_GIVEN + (_FORK if event.is_from_fork else "")


_DEPENDABOT_SECRETS_ON = frozenset(
    {
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "push",
        "create",
        "deployment",
        "deployment_status",
    }
)
"""The events that GitHub restricts where Dependabot is the actor.

https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
"""

_CALLED = " In a workflow that another one calls, the caller passes it on, as with `secrets: inherit`."
_DEPENDABOT = (
    "`codegen-api-token` is empty. Dependabot started this workflow: GitHub gives it the Dependabot secrets, none of "
    "the Actions secrets, and a token that only reads unless the job has `permissions`.\n\nNext: store "
    "CODEGEN_API_TOKEN a second time, under Secrets and variables, Dependabot, in the repository's settings, and pass "
    "`codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`." + _CALLED
)
_NOT_GIVEN = (
    "`codegen-api-token` is empty.\n\nNext: get a token in Codegen's settings, store it in this repository's secrets "
    "as CODEGEN_API_TOKEN, and pass `codegen-api-token: ${{ secrets.CODEGEN_API_TOKEN }}`." + _CALLED
)
_FORK = (
    " This is a fork's pull request: GitHub gives its workflows no secrets. A command in a comment works there, "
    "because `issue_comment` runs in this repository."
)
