"""`CommandContext`: everything a command handler may do to the outside world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ParamSpec, TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import AgentRun
from bot.commands.usage import Usage
from bot.errors import OffloadError, UpstreamError
from bot.github.models import Permission, PostedComment, PullRequest, Reaction
from bot.handlers import config_serialization
from bot.handlers.answering import claim_voice
from bot.handlers.config_serialization import RecordedConfig
from bot.handlers.invocation import CommandInvocation
from bot.handlers.ports import AskCodegen, AskGitHub
from bot.handlers.redacting import call_redacted
from bot.handlers.run_waiter import RunWaiter
from bot.handlers.runs import Runs
from bot.handlers.runs_of_thread import RunsOfThread
from bot.handlers.services import Services
from bot.handlers.status_comment import StatusComment
from bot.handlers.steady_clock import Ticks
from bot.handlers.steps import StepRecorder, StepStore
from bot.replies.markers import Marker
from bot.replies.reply import Reply
from bot.replies.unprepared import unprepared
from bot.repository_config.model import RepositoryConfig
from bot.store.models import AnswerKind, Quota, QuotaExceeded, Voice

P = ParamSpec("P")
T = TypeVar("T")

_log = log.get(__name__)

_SAID = TypeAdapter(dict[str, Any])
_OVER = TypeAdapter(QuotaExceeded | None)
_BOOL = TypeAdapter(bool)
_PERMISSION = TypeAdapter(Permission)
_LOGINS = TypeAdapter(list[str])
_PULL_REQUEST = TypeAdapter(PullRequest)

CONFIRMATION_PATIENCE = timedelta(hours=1)
"""How long a large request waits for confirmation."""


class CommandContext:
    """The services, for one invocation: `runs` starts runs, `following` waits for them, `thread_runs` finds earlier
    ones, `codegen` and `github` are the clients. `seen_runs` holds the last known state of each run.

    :param again: True if this invocation may have been started before
    """

    def __init__(self, invocation: CommandInvocation, services: Services, memory: StepStore, *, again: bool) -> None:
        self._invocation = invocation
        self._services = services
        self._record = StepRecorder(memory)
        self._reply = StatusComment(
            invocation,
            services.github,
            self._record,
            again=again,
            sleep=services.sleep,
            told=services.told,
            worker=services.worker,
            offload=services.offload,
        )
        self.codegen: AskCodegen = services.codegen
        self.github: AskGitHub = services.github
        self.stars = services.stars
        self.voice = Voice.REPLY
        self.gave_way = False
        self.config = RepositoryConfig.usual(invocation.prefix)
        self.recorded_config = RecordedConfig(self.config)
        self.org_id = services.org_id
        self._confirmation_asked: Ticks | None = None
        self.seen_runs: dict[int, AgentRun] = {}
        self.runs = Runs(invocation, services, self._record, self._reply, seen=self.seen_runs, again=again)
        self.following = RunWaiter(services, self._record, self._reply, seen=self.seen_runs)
        self.thread_runs = RunsOfThread(invocation, services, self._record)

    async def learn_config(self) -> None:
        """Sets `config` to the repository's effective config, recorded for when the workflow resumes after a crash."""
        repository = self._invocation.home
        if repository is None:
            return

        async def ask() -> dict[str, Any]:
            return config_serialization.to_json(
                await self._services.configs.of(repository), again=self._invocation.again
            )

        said = await self._record("config", _SAID, ask)
        # In a thread, because compiling its secret patterns may take a moment.
        self.recorded_config = await asyncio.to_thread(config_serialization.from_json, said)
        self.config = self._reply.config = self.recorded_config.config

    def now(self) -> datetime:
        return self._services.now()

    async def permission(self, *, needed: Permission = Permission.NONE) -> Permission:
        """The user's permission in the invocation's repository; a bot's comes from the config, as GitHub has none.

        :param needed: a recently cached answer is good enough if it is below this
        """
        invocation = self._invocation
        if invocation.by_token:
            return Permission.ADMIN
        if invocation.person.is_bot:
            level = self.config.bot_level(invocation.person.login)
            return Permission.NONE if level is None else Permission[level.upper()]
        repository = invocation.the_repository()
        return await self._record(
            "permission",
            _PERMISSION,
            lambda: self._services.permissions.of(repository, invocation.person.login, needed=needed),
        )

    async def give_way(self, kind: AnswerKind) -> None:
        """Answers a user without write access: at the lowest priority, and with a reply only if there were not many
        such replies lately. Sets `voice`."""
        self.gave_way = True
        self._services = replace(self._services, github=self._services.github.yielding())
        self.github = self._reply.github = self._services.github
        self.voice = await claim_voice(self._invocation, self._services.answer_limits, kind, at=self.now())
        self._reply.is_silent = self.voice is not Voice.REPLY

    async def may_write(self, repository: str) -> bool:
        """Whether the user may write in a repository; False if GitHub does not say.

        :param repository: ``owner/name``
        """
        invocation = self._invocation
        if invocation.by_token:
            return await self._services.may_write(repository)
        if repository.lower() == (invocation.home or "").lower():
            # The permission to give this command was checked there.
            return True

        async def ask() -> bool:
            try:
                return await self._services.github.permission(repository, invocation.person.login) >= Permission.WRITE
            except UpstreamError as error:
                _log.warning("permission.unreadable", repository=repository, reason=str(error))
                return False

        return await self._record("may-write", _BOOL, ask)

    async def may_give_in(self, repository: str, usage: Usage) -> bool:
        """Whether the user may give a command in another repository too: by that repository's config, and at least with
        write access there. False if GitHub does not say.

        :param repository: ``owner/name``
        """

        async def ask() -> bool:
            try:
                effective = await self._services.configs.of(repository)
                has = await self._services.github.permission(repository, self._invocation.person.login)
            except UpstreamError as error:
                _log.warning("permission.unreadable", repository=repository, reason=str(error))
                return False
            takes = Permission[effective.config.permission_for(usage.name, usage.permission).upper()]
            return not effective.is_closed and has >= max(takes, Permission.WRITE)

        return await self._record("may-give", _BOOL, ask)

    async def spend(self, runs: int) -> QuotaExceeded | None:
        """Charges this invocation's agent runs to the config's budgets, once."""
        invocation, budgets, repository = self._invocation, self.config.budgets, self._invocation.home
        if repository is None:
            return None
        number = invocation.thread.number if invocation.thread else None
        limits = Quota(
            person=budgets.runs_per_person_a_day,
            thread=None if number is None else budgets.runs_per_thread_a_day,
            repository=budgets.runs_per_repository_a_day,
        )
        return await self._record(
            "spend",
            _OVER,
            lambda: self._services.spending.spend(
                invocation.identity,
                login=invocation.person.login,
                repository=repository,
                number=number or 0,
                runs=runs,
                at=self.now(),
                limits=limits,
            ),
        )

    async def confirm(self) -> list[str]:
        """Confirms the user's pending requests on the thread, and returns their identities."""
        invocation, thread = self._invocation, self._invocation.the_thread()
        return await self._record(
            "confirm",
            _LOGINS,
            lambda: self._services.confirmations.confirm(
                login=invocation.person.login, repository=thread.repository, number=thread.number
            ),
        )

    async def await_confirmation_of(self, reply: Reply) -> bool:
        """Asks for confirmation with this reply, and waits for it: `confirm`, or a thumbs-up on the reply.

        :returns: False if it did not come within `CONFIRMATION_PATIENCE`
        """
        # Stored before the reply is posted: the confirmation may come at once.
        await self._record("ask-confirmation", _BOOL, self._note_confirmation)
        await self.show(reply)
        return await self._record("confirmed", _BOOL, self._await_confirmation, rests=True)

    async def _note_confirmation(self) -> bool:
        invocation, thread = self._invocation, self._invocation.the_thread()
        await self._services.confirmations.ask(
            invocation.identity,
            login=invocation.person.login,
            repository=thread.repository,
            number=thread.number,
            at=self.now(),
        )
        self._confirmation_asked = self._services.clock.ticks()
        return True

    async def _await_confirmation(self) -> bool:
        invocation, services = self._invocation, self._services
        until = services.clock.seconds() + CONFIRMATION_PATIENCE.total_seconds() - await self._confirmation_age()
        delay, is_confirmed = 3.0, False
        while not is_confirmed and services.clock.seconds() < until:
            is_confirmed = await services.confirmations.is_confirmed(invocation.identity) or await self._has_thumb()
            if not is_confirmed:
                await services.sleep(delay)
                delay = min(delay * 1.3, 30.0)
        # Not in a `finally`: after a shutdown, the confirmation may come before the workflow resumes.
        await services.confirmations.forget(invocation.identity)
        return is_confirmed

    async def _confirmation_age(self) -> float:
        """Seconds since confirmation was requested, not since the comment, which may have been read hours later."""
        age = self._services.clock.since(self._confirmation_asked)
        if age is not None:
            return age
        asked_at = await self._services.confirmations.asked_at(self._invocation.identity) or self._invocation.asked_at
        return max((self.now() - asked_at).total_seconds(), 0.0)

    async def _has_thumb(self) -> bool:
        invocation, comment_id = self._invocation, self._reply.comment_id
        if comment_id is None:
            return False
        try:
            logins = await self._services.github.reacted(invocation.the_repository(), comment_id, Reaction.PLUS_ONE)
        except UpstreamError as error:
            _log.warning("confirmation.unreadable", reason=str(error))
            return False
        return invocation.person.login.lower() in {login.lower() for login in logins}

    async def is_own(self, login: str) -> bool:
        """Whether this is the bot's own account, which may be a person's."""
        return (await self._services.github.me()).login.lower() == login.lower()

    async def label_changed_back(self) -> bool:
        """Whether the label that triggered this was changed back, when this is first checked."""
        label, thread = self._invocation.label, self._invocation.the_thread()
        assert label is not None  # noqa: S101 - the caller checks

        async def ask() -> bool:
            names = [each.name.lower() for each in await self._services.github.labels(thread.repository, thread.number)]
            return (label.name.lower() in names) is not label.on

        return await self._record("label-changed-back", _BOOL, ask)

    async def who_can(self, needed: Permission) -> list[str]:
        """Users of this thread with at least that permission; only its author is checked. GitHub lists permissions only
        to administrators, so these are the ones that can be named."""
        thread = self._invocation.thread
        if thread is None:
            return []

        async def ask() -> list[str]:
            try:
                has = await self._services.github.permission(thread.repository, thread.author)
            except UpstreamError:
                return []
            return [thread.author] if has >= needed else []

        if thread.author == self._invocation.person.login:
            return []
        return await self._record("who-can", _LOGINS, ask)

    async def pull_request(self) -> PullRequest | None:
        """The pull request of the invocation's thread; None on an issue or without a thread."""
        thread = self._invocation.thread
        if thread is None or not thread.is_pull_request:
            return None
        return await self._record(
            "pull-request", _PULL_REQUEST, lambda: self._services.github.pull_request(thread.repository, thread.number)
        )

    async def react(self, content: Reaction) -> None:
        """Adds a reaction to the comment, if there is one. A failure never fails the command."""
        comment = self._invocation.comment
        if comment is None or not self._invocation.posts:
            return
        repository = self._invocation.the_repository()
        try:
            await self._services.github.react(repository, kind=comment.kind, comment_id=comment.id, content=content)
        except UpstreamError as error:
            _log.warning("reaction.failed", reason=str(error))

    @property
    def has_spoken(self) -> bool:
        """Whether the status comment exists."""
        return self._reply.exists

    @property
    def said(self) -> Reply | None:
        """The current reply; None before the first one."""
        return self._reply.last

    @property
    def comment_url(self) -> str | None:
        """The address of the status comment."""
        return self._reply.url

    async def earlier_reply(self) -> tuple[PostedComment, Marker] | None:
        """An earlier reply to this invocation, from any entry point."""
        if self._invocation.thread is None or not self._invocation.posts:
            return None
        return await self._reply.earlier()

    async def shaped(self, shape: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls `shape` on untrusted texts, off the event loop if they are long. It gets them without secrets: known
        ones, and what the repository's own patterns match.

        :param shape: a module's function, mostly one of `bot.replies`; it and its arguments can be pickled
        :raises OffloadError: if it takes too long
        """
        patterns = self.config.secret_patterns
        # The repository's own patterns may take up to their time limit, whatever the text's length.
        return await self._services.offload.run(
            partial(call_redacted, partial(shape, *args, **kwargs), patterns), is_slow=bool(patterns)
        )

    async def offloaded(self, work: Callable[[], T]) -> T:
        """The same for work that redacts by itself: with a log of megabytes, only the part that it keeps."""
        return await self._services.offload.run(work, is_slow=bool(self.config.secret_patterns))

    async def redacted(self, value: T) -> T:
        """The same data without secrets in the untrusted texts, for a prompt.

        :raises OffloadError: if it takes too long
        """
        return await self.shaped(_itself, value)

    async def show_shaped(self, shape: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> None:
        """Shows progress that quotes untrusted texts; if that takes too long, the update is skipped."""
        try:
            await self.show(await self.shaped(shape, *args, **kwargs))
        except OffloadError as error:
            _log.warning("status_comment.update_skipped", reason=str(error))

    def unprepared(self, error: OffloadError) -> Reply:
        """The final reply if the ordinary one could not be prepared."""
        _log.error("command.unprepared", reason=str(error))
        return unprepared([*self.seen_runs.values()], identity=self._invocation.identity, again=self._invocation.again)

    async def show(self, reply: Reply) -> None:
        """Updates the status comment. Only its first and its final text are worth waiting for GitHub."""
        await self._reply.show(reply)

    async def show_last(self, reply: Reply) -> None:
        """The same for the final text: retried until GitHub accepts it or refuses it permanently."""
        await self._reply.show(reply, patient=True)


def _itself(value: T) -> T:
    return value
