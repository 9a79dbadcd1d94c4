"""`Do`: a handler's only hand. What it does upstream is done once, also where a crash cuts it off in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter

from bot import log
from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.codegen.watcher import RunWatcher
from bot.errors import UpstreamError
from bot.github.client import GitHub
from bot.github.models import Permission, PullRequest, Reaction
from bot.handlers.living_reply import LivingReply
from bot.handlers.order import Order
from bot.handlers.progress import Progress
from bot.handlers.record import Memory, Recorder
from bot.replies.reply import Reply
from bot.store.runs import ThreadRuns

_log = log.get(__name__)

_RUN = TypeAdapter(AgentRun)
_PERMISSION = TypeAdapter(Permission)
_LOGINS = TypeAdapter(list[str])
_PULL_REQUEST = TypeAdapter(PullRequest)
_MAYBE_NUMBER = TypeAdapter(int | None)


@dataclass(frozen=True, slots=True)
class Started:
    """A run as it was when this order set it going, and when that was."""

    run: AgentRun
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A run as it was when waiting ended, `seconds` after it was set going; not finished where patience ended first."""

    run: AgentRun
    seconds: float


_STARTED = TypeAdapter(Started)
_ENDED = TypeAdapter(Ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all orders share: the clients, the store, the clock and the limits.

    :param run_timeout: seconds that a reply follows a run
    :param progress_interval: the shortest time between two progress edits of one reply, in seconds
    """

    codegen: Codegen
    org_id: int
    github: GitHub
    runs: ThreadRuns
    watcher: RunWatcher
    run_timeout: float
    progress_interval: float
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Do:
    """The ports, for one order.

    :param again: True where this order may have been begun before: what would be sent is looked for first
    """

    def __init__(self, order: Order, tools: Tools, memory: Memory, *, again: bool) -> None:
        self._order = order
        self._tools = tools
        self._record = Recorder(memory)
        self._again = again
        self._reply = LivingReply(order, tools.github, self._record, again=again, sleep=tools.sleep)

    def now(self) -> datetime:
        return self._tools.now()

    # What GitHub is asked and told

    async def permission(self) -> Permission:
        """What the person who gave the order may do in its repository."""
        order = self._order
        return await self._record(
            "permission",
            _PERMISSION,
            lambda: self._tools.github.permission(order.thread.repository, order.person.login),
        )

    async def who_can(self, needed: Permission) -> list[str]:
        """People of this thread who have at least that permission: its author is asked about. GitHub lists nobody's
        permissions to those who may not administer the repository, so this is who can be named."""
        thread = self._order.thread

        async def ask() -> list[str]:
            try:
                has = await self._tools.github.permission(thread.repository, thread.author)
            except UpstreamError:
                return []
            return [thread.author] if has >= needed else []

        if thread.author == self._order.person.login:
            return []
        return await self._record("who-can", _LOGINS, ask)

    async def pull_request(self) -> PullRequest | None:
        """The pull request of the order's thread; None on an issue."""
        thread = self._order.thread
        if not thread.is_pull_request:
            return None
        return await self._record(
            "pull-request", _PULL_REQUEST, lambda: self._tools.github.pull_request(thread.repository, thread.number)
        )

    async def react(self, content: Reaction) -> None:
        """Puts a reaction under the comment. One that fails never fails the work."""
        order = self._order
        try:
            await self._tools.github.react(
                order.thread.repository,
                kind=order.comment.kind,
                comment_id=order.comment.id,
                content=content,
            )
        except UpstreamError as error:
            _log.warning("reaction.failed", reason=str(error))

    async def show(self, reply: Reply) -> None:
        """Makes the living reply say this. Only its first and its last word are worth waiting for GitHub."""
        await self._reply.show(reply)

    async def show_last(self, reply: Reply) -> None:
        """The same, for the final word: tried until GitHub takes it or refuses it for good."""
        await self._reply.show(reply, patient=True)

    # What Codegen is asked and told

    def creation_wait(self) -> float:
        """Seconds until Codegen's rate limit lets the next run start, as far as is known here."""
        return self._tools.codegen.limits.wait_for("create")

    async def create_run(
        self,
        prompt: str,
        *,
        model: str | None = None,
        agent_type: str | None = None,
        repo_id: int | None = None,
        images: tuple[str, ...] = (),
    ) -> Started:
        """Starts the one agent run of this order; where it may have been started before, finds it."""
        order, codegen = self._order, self._tools.codegen
        mark = {
            "identity": order.identity,
            "repository": order.thread.repository,
            "number": order.thread.number,
            "login": order.person.login,
            "comment": order.comment.url,
        }

        async def create() -> AgentRun:
            return await codegen.create_run(
                prompt,
                metadata={"codegen_bot": mark},
                model=model,
                agent_type=agent_type,
                repo_id=repo_id,
                images=images,
            )

        async def look() -> AgentRun | None:
            return await codegen.find_run(order.identity, since=order.asked_at)

        async def work() -> Started:
            return Started(await self._once(look, create), self.now())

        started = await self._record("create-run", _STARTED, work)
        await self._remember(started.run.id)
        return started

    async def resume_run(self, known: AgentRun, prompt: str) -> Started:
        """Gives `known` a follow-up, once. The prompt carries the order's identity.

        :param known: the run as it was before
        """
        codegen = self._tools.codegen

        async def resume() -> AgentRun:
            return await codegen.resume_run(known.id, prompt)

        async def look() -> AgentRun | None:
            now = await codegen.run(known.id)
            if known.finished and (not now.finished or _outcome(now) != _outcome(known)):
                return now
            entries = (await codegen.logs_page(known.id, limit=100, reverse=True)).logs
            return now if any(self._order.identity in entry.model_dump_json() for entry in entries) else None

        async def work() -> Started:
            return Started(await self._once(look, resume), self.now())

        started = await self._record("resume-run", _STARTED, work)
        await self._remember(known.id)
        return started

    async def _once(
        self, look: Callable[[], Awaitable[AgentRun | None]], send: Callable[[], Awaitable[AgentRun]]
    ) -> AgentRun:
        """Sends, unless it was sent before; where the fate of a request is unknown, looks before it sends again."""
        in_doubt = self._again
        for last in (False, False, True):
            if in_doubt and (found := await look()) is not None:
                return found
            try:
                return await send()
            except UpstreamError as error:
                if last or not error.may_have_happened:
                    raise
                _log.warning("write.in-doubt", reason=str(error))
                in_doubt = True
                # What was cut off may still be on its way in: give it a moment to show up in the list.
                await self._tools.sleep(IN_DOUBT_DELAY)
        raise AssertionError("the last try returns or raises")

    async def run(self, run_id: int) -> AgentRun:
        return await self._record("run", _RUN, lambda: self._tools.codegen.run(run_id))

    async def wait(
        self, started: Started, *, show: Callable[[AgentRun, float], Reply], resumed: AgentRun | None = None
    ) -> Ended:
        """Waits until the run has ended, or for as long as a reply follows a run; shows progress meanwhile.

        :param show: makes the reply of a run and the seconds since it was set going
        :param resumed: the run as it was before a resume, so that its old ending is not taken for the new one
        """

        async def work() -> Ended:
            async with Progress(self, started, show=show, interval=self._tools.progress_interval) as progress:
                left = self._tools.run_timeout - (self.now() - started.at).total_seconds()
                try:
                    run = await self._tools.watcher.finished(
                        started.run.id,
                        on_change=progress.heard,
                        known=resumed or started.run,
                        resumed=resumed is not None,
                        timeout=max(left, 1.0),
                    )
                except TimeoutError:
                    run = progress.latest
            return Ended(run, (self.now() - started.at).total_seconds())

        return await self._record("wait", _ENDED, work)

    # What the bot remembers

    async def latest_run(self) -> int | None:
        """The thread's latest run: of our store, else of our own replies, else of a run that names the pull request."""
        return await self._record("latest-run", _MAYBE_NUMBER, self._find_latest_run)

    async def _find_latest_run(self) -> int | None:
        tools, thread = self._tools, self._order.thread
        stored = await tools.runs.latest(tools.org_id, repository=thread.repository, number=thread.number)
        return stored or await self._reply.latest_run() or await self._run_of_pull_request()

    async def _run_of_pull_request(self) -> int | None:
        """One page of runs, newest first: a run whose pull request this is, whoever started it."""
        thread = self._order.thread
        if not thread.is_pull_request:
            return None
        ending = f"/{thread.repository}/pull/{thread.number}".lower()
        for run in (await self._tools.codegen.runs_page(1)).runs:
            if any((link.url or "").lower().rstrip("/").endswith(ending) for link in run.github_pull_requests):
                return run.id
        return None

    async def _remember(self, run_id: int) -> None:
        thread = self._order.thread
        await self._tools.runs.remember(self._tools.org_id, run_id, repository=thread.repository, number=thread.number)


IN_DOUBT_DELAY = 2.0
"""Seconds between a write whose answer was lost and the look for its effect."""


def _outcome(run: AgentRun) -> tuple[object, ...]:
    return (run.state, run.result, run.summary, run.github_pull_requests)
