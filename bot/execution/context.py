"""`CommandContext`: everything a command handler may do to the outside world."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.commands.usage import Usage
from bot.errors import ErrorKind, OffloadError, RefusedError, UpstreamError
from bot.execution import effective_config as config_serialization
from bot.execution.agent_types import KnownAgents
from bot.execution.confirmation import Confirmation
from bot.execution.cost_limits import (
    CostExceeded,
    CostLimits,
    described,
    exceeded_today,
    next_step,
    start_of_day,
)
from bot.execution.effective_config import RecordedConfig
from bot.execution.failures import over_budget, unprepared
from bot.execution.invocation import CommandInvocation
from bot.execution.permissions import claim_answer
from bot.execution.reply import Reply
from bot.execution.repository_config.model import RepositoryConfig
from bot.execution.run_waiter import RunWaiter
from bot.execution.runs import Runs
from bot.execution.runs_of_thread import RunsOfThread
from bot.execution.services import CodegenApi, GitHubApi, Services
from bot.execution.status_comment import StatusComment
from bot.execution.steps import DEFERRED, StepRecorder, StepStore
from bot.github.models import Permission, PullRequest, Reaction
from bot.storage.models import AnswerKind, AnswerMode, Quota, QuotaExceeded
from bot.text.redaction.redacting import call_redacted
from bot.upstream import lag_delay, retried

P = ParamSpec("P")
T = TypeVar("T")

_log = log.get(__name__)

_JSON = TypeAdapter(dict[str, Any], config=DEFERRED)
_EXCEEDED = TypeAdapter(QuotaExceeded | None, config=DEFERRED)
_COST_EXCEEDED = TypeAdapter(CostExceeded | None, config=DEFERRED)
_BOOL = TypeAdapter(bool, config=DEFERRED)
_PERMISSION = TypeAdapter(Permission, config=DEFERRED)
_LOGINS = TypeAdapter(list[str], config=DEFERRED)
_PULL_REQUEST = TypeAdapter(PullRequest)


class CommandContext:
    """The services, for one invocation: `runs` starts runs, `waiter` waits for them, `thread_runs` finds earlier ones,
    `codegen` and `github` are the clients. `record` keeps what a handler has read: when a workflow resumes after a
    crash, its inputs must not have changed.

    :param may_have_run: whether this invocation may have been started before
    """

    def __init__(
        self, invocation: CommandInvocation, services: Services, store: StepStore, *, may_have_run: bool
    ) -> None:
        self.invocation = invocation
        self._services = services
        self.record = record = StepRecorder(store)
        self.status_comment = StatusComment(invocation, services, record, may_have_run=may_have_run)
        self.codegen: CodegenApi = services.codegen
        self.github: GitHubApi = services.github
        self.stars = services.stars
        self.org_id = services.org_id
        self.answer_mode = AnswerMode.REPLY
        self.is_low_priority = False
        self.recorded_config = RecordedConfig(RepositoryConfig.usual(invocation.prefix))
        self.runs = Runs(invocation, services, record, self.status_comment, may_have_run=may_have_run)
        self.waiter = RunWaiter(services, record, self.status_comment, self.runs)
        self.thread_runs = RunsOfThread(invocation, services, record)
        self.confirmation = Confirmation(invocation, services, record, self.status_comment)

    @property
    def config(self) -> RepositoryConfig:
        """The defaults until `load_config`."""
        return self.recorded_config.config

    async def load_config(self) -> None:
        """Sets `config` to the repository's effective config, recorded for when the workflow resumes after a crash."""
        repository, by_token = self.invocation.repository_name, self.invocation.by_token
        if repository is None:
            return

        async def load() -> dict[str, Any]:
            effective = await self._services.configs.load(repository)
            unreadable = effective.unreadable
            if unreadable is not None and unreadable.error.kind is ErrorKind.UNAUTHORIZED and not by_token:
                # The bot's own credential: the same for every repository, and for the reply.
                raise unreadable.error
            return config_serialization.to_json(effective, retry=self.invocation.retry_hint)

        document = await self.record("config", _JSON, load)
        # In a thread, because compiling its secret patterns may take a moment.
        self.recorded_config = await asyncio.to_thread(config_serialization.from_json, document)
        self.status_comment.config = self.config

    def now(self) -> datetime:
        return self._services.now()

    async def sleep(self, seconds: float) -> None:
        await self._services.sleep(seconds)

    @property
    def agents(self) -> KnownAgents:
        """The agents that a run may name."""
        return self._services.agents

    @property
    def has_own_agents(self) -> bool:
        """Whether the agents are the bot's own, and not Codegen's."""
        return self._services.has_own_agents

    @property
    def is_job(self) -> bool:
        """Whether the agents are the bot's own and work in this workflow's job, with which their runs end."""
        return self._services.is_job

    @property
    def asked(self) -> str:
        """Who does the work, as the object of a sentence."""
        return "an agent" if self.has_own_agents else "Codegen"

    async def permission(self, *, needed: Permission = Permission.NONE) -> Permission:
        """The user's permission in the invocation's repository; a bot's comes from the config, as GitHub has none.

        :param needed: a recently cached answer is good enough if it is below this
        """
        person = self.invocation.person
        if self.invocation.by_token:
            return Permission.ADMIN
        if person.is_bot:
            level = self.config.bot_level(person.login)
            return Permission.NONE if level is None else Permission[level.upper()]
        repository, permissions = self.invocation.require_repository(), self._services.permissions
        is_fresh = self.invocation.is_fresh(self.now())
        return await self.record(
            "permission",
            _PERMISSION,
            lambda: permissions.get(repository, person.login, needed=needed, is_fresh=is_fresh),
        )

    async def github_permission(self) -> Permission:
        """What GitHub says that the user may do in the invocation's repository, to be shown. A holder of the tokens may
        do what these may, so `permission` asks nobody.
        """
        if not self.invocation.by_token:
            return await self.permission()
        repository, login, github = (
            self.invocation.require_repository(),
            self.invocation.person.login,
            self._services.github,
        )
        try:
            is_own = await self.is_own(login)
        except UpstreamError:
            # A workflow's own token belongs to no account.
            is_own = False
        # An account may always ask about itself; asking about others takes write access.
        return await (github.own_permission(repository) if is_own else github.permission(repository, login))

    async def lower_priority(self, kind: AnswerKind) -> None:
        """Answers a user without write access: at the lowest priority, and with a reply only if there were not many
        such replies lately. Sets `answer_mode`."""
        self.is_low_priority = True
        self._services = replace(self._services, github=self._services.github.yielding())
        self.github = self.status_comment.github = self._services.github
        self.answer_mode = await claim_answer(self.invocation, self._services.answer_limits, kind, at=self.now())
        self.status_comment.is_silent = self.answer_mode is not AnswerMode.REPLY

    async def may_write(self, repository: str) -> bool:
        """Whether the user may write in a repository; False if GitHub does not say.

        :param repository: ``owner/name``
        """
        if self.invocation.by_token:
            return await self._services.may_write(repository)
        if repository.lower() == (self.invocation.repository_name or "").lower():
            # The permission to give this command was checked there.
            return True

        async def check() -> bool:
            return await self._permission_in(repository) >= Permission.WRITE

        return await self.record("may-write", _BOOL, check)

    async def may_use_in(self, repository: str, usage: Usage) -> bool:
        """Whether the user may use a command in another repository too: by that repository's config, and at least with
        write access there. False if GitHub does not say.

        :param repository: ``owner/name``
        """

        async def check() -> bool:
            effective = await self._services.configs.load(repository)
            takes = Permission[effective.config.permission_for(usage.name, usage.permission).upper()]
            has = await self._permission_in(repository)
            return not effective.is_closed and has >= max(takes, Permission.WRITE)

        return await self.record("may-use", _BOOL, check)

    async def _permission_in(self, repository: str) -> Permission:
        """The user's permission in any repository; none if GitHub does not say."""
        try:
            return await self._services.github.permission(repository, self.invocation.person.login)
        except UpstreamError as error:
            _log.warning("permission.unreadable", repository=repository, reason=str(error))
            return Permission.NONE

    async def who_can(self, needed: Permission) -> list[str]:
        """Users of this thread with at least that permission; only its author is checked. GitHub lists permissions only
        to administrators, so these are the ones that can be named."""
        thread = self.invocation.thread
        if thread is None or thread.author == self.invocation.person.login:
            return []

        async def find() -> list[str]:
            try:
                has = await self._services.github.permission(thread.repository, thread.author)
            except UpstreamError:
                return []
            return [thread.author] if has >= needed else []

        return await self.record("who-can", _LOGINS, find)

    async def charge(self, runs: int, *, login: str | None = None) -> None:
        """Charges this invocation's agent runs to the config's budgets, once.

        :param login: for whom they are; None: for who gave the command
        :raises RefusedError: if a limit would be exceeded; nothing is counted then
        """
        invocation, budgets, repository = self.invocation, self.config.budgets, self.invocation.repository_name
        if repository is None:
            return
        number, login = invocation.thread.number if invocation.thread else None, login or invocation.person.login
        await self._check_cost(repository, number, person=login)
        limits = Quota(
            person=budgets.runs_per_person_a_day,
            thread=None if number is None else budgets.runs_per_thread_a_day,
            repository=budgets.runs_per_repository_a_day,
        )
        exceeded = await self.record(
            "charge",
            _EXCEEDED,
            lambda: self._services.quotas.charge(
                invocation.identity,
                login=login,
                repository=repository,
                number=number or 0,
                runs=runs,
                at=self.now(),
                limits=limits,
            ),
        )
        if exceeded is not None:
            raise RefusedError(over_budget(exceeded, login=login, runs=runs, now=self.now()))

    async def _check_cost(self, repository: str, number: int | None, *, person: str) -> None:
        """:raises RefusedError: if a budget in money is used up"""
        limits, now = CostLimits.of(self.config.budgets), self.now()
        if not limits.has_daily or not self.has_own_agents:
            # Codegen says of no run what it costs.
            return

        async def check() -> CostExceeded | None:
            costs = await self._services.codegen.costs(since=start_of_day(now), repository=repository)
            spent = [(each.person, each.thread, each.cost) for each in costs]
            return exceeded_today(spent, limits, person=person, thread=number)

        exceeded = await self.record("check-cost", _COST_EXCEEDED, check)
        if exceeded is not None:
            raise RefusedError(f"{described(exceeded, person=person)}\n\n{next_step(exceeded, now=now)}")

    async def is_own(self, login: str) -> bool:
        """Whether this is the bot's own account, which may be a person's."""
        return (await self._services.github.me()).login.lower() == login.lower()

    async def label_changed_back(self) -> bool:
        """Whether the label that triggered this was changed back, when this is first checked."""
        label, thread = self.invocation.label, self.invocation.require_thread()
        assert label is not None  # noqa: S101 - the caller checks

        async def check() -> bool:
            found = await self._soon(lambda: self._services.github.labels(thread.repository, thread.number))
            return (label.name.lower() in [each.name.lower() for each in found]) is not label.on

        return await self.record("label-changed-back", _BOOL, check)

    async def pull_request(self) -> PullRequest | None:
        """The pull request of the invocation's thread; None on an issue or without a thread."""
        thread, github = self.invocation.thread, self._services.github
        if thread is None or not thread.is_pull_request:
            return None

        async def read() -> PullRequest:
            return await self._soon(lambda: github.pull_request(thread.repository, thread.number))

        return await self.record("pull-request", _PULL_REQUEST, read)

    async def _soon(self, request: Callable[[], Awaitable[T]]) -> T:
        """Makes a request for what the delivery names, again if GitHub does not find it yet."""

        def delay(error: UpstreamError, failures: int) -> float | None:
            return lag_delay(error, failures) if self.invocation.is_fresh(self.now()) else None

        def on_retry(error: UpstreamError, seconds: float) -> None:
            _log.info("github.not_there_yet", operation=error.operation, seconds=seconds, reason=str(error))

        return await retried(request, delay=delay, sleep=self._services.sleep, on_retry=on_retry)

    async def react(self, content: Reaction) -> None:
        """Adds a reaction to the comment, if there is one. A failure never fails the command."""
        comment = self.invocation.comment
        if comment is None or not self.invocation.posts:
            return
        repository, github = self.invocation.require_repository(), self._services.github
        try:
            await self._soon(
                lambda: github.react(repository, kind=comment.kind, comment_id=comment.id, content=content)
            )
        except UpstreamError as error:
            _log.warning("reaction.failed", reason=str(error))

    async def render(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `make` on untrusted texts, off the event loop if they are long. It gets them without secrets: known
        ones, and what the repository's own patterns match.

        :param make: a module's function, mostly one that makes a reply; it and its arguments can be pickled
        :raises OffloadError: if it takes too long
        """
        return await self.offload(partial(call_redacted, partial(make, *args, **kwargs), self.config.secret_patterns))

    async def offload(self, work: Callable[[], T]) -> T:
        """The same for work that redacts by itself: with a log of megabytes, only the part that it keeps."""
        # The repository's own patterns may take up to their time limit, whatever the text's length.
        return await self._services.offload.run(work, is_slow=bool(self.config.secret_patterns))

    async def redact(self, value: T) -> T:
        """The same data without secrets in the untrusted texts, for a prompt.

        :raises OffloadError: if it takes too long
        """
        return await self.render(_identity, value)

    async def show(self, reply: Reply) -> None:
        """Updates the status comment. Only its first and its final text are worth waiting for GitHub."""
        await self.status_comment.show(reply)

    async def show_rendered(self, make: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> None:
        """Shows progress that quotes untrusted texts; if that takes too long, the update is skipped."""
        try:
            await self.show(await self.render(make, *args, **kwargs))
        except OffloadError as error:
            _log.warning("status_comment.update_skipped", reason=str(error))

    def unprepared(self, error: OffloadError) -> Reply:
        """The final reply if the ordinary one could not be prepared."""
        _log.error("command.unprepared", reason=str(error))
        return unprepared(
            [*self.runs.seen.values()], identity=self.invocation.identity, retry=self.invocation.retry_hint
        )


def _identity(value: T) -> T:
    return value
