"""`CommandContext`: a handler's only hand."""

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
"""How long something large waits for its asker's second word."""


class CommandContext:
    """The ports, for one order: `runs` sets going, `following` awaits, `thread_runs` tells what was there before,
    `codegen` and `github` are asked and told. `seen_runs` are the runs that were met, each as it was last seen.

    :param again: True where this order may have been begun before
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
        """Makes `config` what holds in the order's repository; the same when the story is told on after a crash."""
        repository = self._invocation.home
        if repository is None:
            return

        async def ask() -> dict[str, Any]:
            return config_serialization.to_json(
                await self._services.configs.of(repository), again=self._invocation.again
            )

        said = await self._record("config", _SAID, ask)
        # In a thread: compiling its secret patterns may take a moment.
        self.recorded_config = await asyncio.to_thread(config_serialization.from_json, said)
        self.config = self._reply.config = self.recorded_config.config

    def now(self) -> datetime:
        return self._services.now()

    async def permission(self, *, needed: Permission = Permission.NONE) -> Permission:
        """What whoever gave the order may do in its repository. GitHub knows no permissions of bots: theirs are the
        config's.

        :param needed: where it is less, an answer of a moment ago will do
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
        """The answer goes to somebody who may not write: it waits for all others, and is a reply only where they have
        not had many of them lately. Sets `voice`."""
        self.gave_way = True
        self._services = replace(self._services, github=self._services.github.yielding())
        self.github = self._reply.github = self._services.github
        self.voice = await claim_voice(self._invocation, self._services.answer_limits, kind, at=self.now())
        self._reply.is_silent = self.voice is not Voice.REPLY

    async def may_write(self, repository: str) -> bool:
        """Whether whoever gave the order may write in a repository; False where GitHub does not say.

        :param repository: ``owner/name``
        """
        invocation = self._invocation
        if invocation.by_token:
            return await self._services.may_write(repository)
        if repository.lower() == (invocation.home or "").lower():
            # The command's own permission was asked for there.
            return True

        async def ask() -> bool:
            try:
                return await self._services.github.permission(repository, invocation.person.login) >= Permission.WRITE
            except UpstreamError as error:
                _log.warning("permission.unreadable", repository=repository, reason=str(error))
                return False

        return await self._record("may-write", _BOOL, ask)

    async def may_give_in(self, repository: str, usage: Usage) -> bool:
        """Whether the person may give a command in another repository too: by that repository's config, and with write
        access there at the least. False where GitHub does not say.

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
        """Counts so many agent runs for this order against the config's budgets, once."""
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
        """The person's second word for what they have waiting on the thread: its identities."""
        invocation, thread = self._invocation, self._invocation.the_thread()
        return await self._record(
            "confirm",
            _LOGINS,
            lambda: self._services.confirmations.confirm(
                login=invocation.person.login, repository=thread.repository, number=thread.number
            ),
        )

    async def await_confirmation_of(self, reply: Reply) -> bool:
        """Asks for the asker's second word by this reply, and waits for it: `confirm`, or a thumbs-up under it.

        :returns: False where it did not come within `CONFIRMATION_PATIENCE`
        """
        # Noted before it is asked for: the answer may come at once.
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
        # Not where a stop cuts the waiting off: the second word may come before the story is told on.
        await services.confirmations.forget(invocation.identity)
        return is_confirmed

    async def _confirmation_age(self) -> float:
        """Seconds since it was asked for: not since the comment, which may have been read hours later."""
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
        """Whether that is the bot's own account, which may be a person's."""
        return (await self._services.github.me()).login.lower() == login.lower()

    async def label_changed_back(self) -> bool:
        """Whether the label by which somebody asked is not as they left it, when this is first asked."""
        label, thread = self._invocation.label, self._invocation.the_thread()
        assert label is not None  # noqa: S101 - the caller has looked

        async def ask() -> bool:
            names = [each.name.lower() for each in await self._services.github.labels(thread.repository, thread.number)]
            return (label.name.lower() in names) is not label.on

        return await self._record("label-changed-back", _BOOL, ask)

    async def who_can(self, needed: Permission) -> list[str]:
        """People of this thread who have at least that permission: its author is asked about. GitHub lists nobody's
        permissions to those who may not administer the repository, so this is who can be named."""
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
        """The pull request of the order's thread; None on an issue and apart from any thread."""
        thread = self._invocation.thread
        if thread is None or not thread.is_pull_request:
            return None
        return await self._record(
            "pull-request", _PULL_REQUEST, lambda: self._services.github.pull_request(thread.repository, thread.number)
        )

    async def react(self, content: Reaction) -> None:
        """Puts a reaction under the comment, where there is one. One that fails never fails the work."""
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
        """Whether the living reply is there."""
        return self._reply.exists

    @property
    def said(self) -> Reply | None:
        """The reply as it is now; None before the first word."""
        return self._reply.last

    @property
    def comment_url(self) -> str | None:
        """Where the living reply stands."""
        return self._reply.url

    async def earlier_reply(self) -> tuple[PostedComment, Marker] | None:
        """What was answered to this order before, by whichever door."""
        if self._invocation.thread is None or not self._invocation.posts:
            return None
        return await self._reply.earlier()

    async def shaped(self, shape: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `shape` makes of texts that others wrote, off the event loop where they are long. It gets them without
        secrets: known ones, and what the repository's own patterns match.

        :param shape: a module's function, mostly one of `bot.replies`; it and its arguments can be pickled
        :raises OffloadError: where it takes too long
        """
        patterns = self.config.secret_patterns
        # A repository's own patterns may take as long as their limit, whatever the text's length.
        return await self._services.offload.run(
            partial(call_redacted, partial(shape, *args, **kwargs), patterns), is_slow=bool(patterns)
        )

    async def offloaded(self, work: Callable[[], T]) -> T:
        """The same for work that takes the secrets out itself: with a log of megabytes, only of what it keeps."""
        return await self._services.offload.run(work, is_slow=bool(self.config.secret_patterns))

    async def redacted(self, value: T) -> T:
        """The same data without secrets in the texts that others wrote, for a prompt.

        :raises OffloadError: where it takes too long
        """
        return await self.shaped(_itself, value)

    async def show_shaped(self, shape: Callable[P, Reply], *args: P.args, **kwargs: P.kwargs) -> None:
        """Shows progress that quotes what others wrote; the work goes on without it where it takes too long."""
        try:
            await self.show(await self.shaped(shape, *args, **kwargs))
        except OffloadError as error:
            _log.warning("status_comment.update_skipped", reason=str(error))

    def unprepared(self, error: OffloadError) -> Reply:
        """The last word where the ordinary one could not be prepared."""
        _log.error("command.unprepared", reason=str(error))
        return unprepared([*self.seen_runs.values()], identity=self._invocation.identity, again=self._invocation.again)

    async def show(self, reply: Reply) -> None:
        """Makes the living reply say this. Only its first and its last word are worth waiting for GitHub."""
        await self._reply.show(reply)

    async def show_last(self, reply: Reply) -> None:
        """The same, for the final word: tried until GitHub takes it or refuses it for good."""
        await self._reply.show(reply, patient=True)


def _itself(value: T) -> T:
    return value
