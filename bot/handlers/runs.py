"""Agent runs, as handlers start and await them: each is set going once, also where a crash cuts off in between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot import log
from bot.codegen.client import MARK
from bot.codegen.models import AgentRun
from bot.commands.multi_run import MultiRun
from bot.errors import Kind, Service, UpstreamError
from bot.github.models import Thread
from bot.handlers.living_reply import LivingReply
from bot.handlers.order import Order
from bot.handlers.progress import Progress
from bot.handlers.record import Recorder
from bot.handlers.tools import Tools
from bot.replies.failures import sentence
from bot.replies.reply import Reply

T = TypeVar("T")

_log = log.get(__name__)

IN_DOUBT_DELAY = 2.0
"""Seconds between a write whose answer was lost and the look for its effect."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run as it was when this order set it going, and when that was."""

    run: AgentRun
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A run as it was when waiting ended, `seconds` after it was set going; not finished where patience ended first.

    :param problem: why the run cannot be followed, in words of our own; empty in general
    """

    run: AgentRun
    seconds: float
    problem: str = ""


_FLAG = TypeAdapter(bool)
_RUN = TypeAdapter(AgentRun)
_STARTED = TypeAdapter(Started)
_ENDED = TypeAdapter(Ended)
_ALL_ENDED = TypeAdapter(list[Ended])
_NUMBERS = TypeAdapter(list[int])
_MAYBE_NUMBER = TypeAdapter(int | None)


class Runs:
    """The runs of one order and of its thread.

    :param again: True where this order may have been begun before: what would be sent is looked for first
    """

    def __init__(self, order: Order, tools: Tools, record: Recorder, reply: LivingReply, *, again: bool) -> None:
        self._order = order
        self._tools = tools
        self._record = record
        self._reply = reply
        self._again = again
        self._seen: dict[int, AgentRun] = {}

    @property
    def seen(self) -> dict[int, AgentRun]:
        """The runs that this order has met, by their ids, each as it was last seen."""
        return self._seen

    @property
    def patience(self) -> float:
        """Seconds that a reply follows a run."""
        return self._tools.run_timeout

    def creation_wait(self) -> float:
        """Seconds until Codegen's rate limit lets the next run start, as far as is known here."""
        return self._tools.codegen.limits.wait_for("create")

    async def create(
        self,
        prompt: str,
        *,
        part: str = "",
        metadata: Mapping[str, Any] | None = None,
        model: str | None = None,
        agent_type: str | None = None,
        repo_id: int | None = None,
        images: Sequence[str] = (),
    ) -> Started:
        """Starts an agent run of this order; where it may have been started before, finds it.

        :param part: tells the runs of one order apart, where it has more than one
        :param metadata: noted with the run upstream, beside the bot's own mark
        """
        order, codegen = self._order, self._tools.codegen
        identity = f"{order.identity}{part}"
        mark = {
            "identity": identity,
            "repository": order.home,
            "number": order.thread.number if order.thread else None,
            "login": order.person.login,
            "url": order.comment.url if order.comment else order.thread.url if order.thread else None,
        }
        mark = {name: value for name, value in mark.items() if value is not None}

        async def create() -> AgentRun:
            return await codegen.create_run(
                prompt,
                metadata={**(order.metadata or {}), **(metadata or {}), MARK: mark},
                model=model,
                agent_type=agent_type,
                repo_id=repo_id,
                images=images,
            )

        async def look() -> AgentRun | None:
            return await codegen.find_run(identity, since=order.asked_at)

        async def work() -> Started:
            return Started(await self._once(look, create), self._tools.now())

        started = await self._record(f"create-run{part}", _STARTED, work)
        await self._remember(started.run)
        return started

    async def resume(self, known: AgentRun, prompt: str, *, images: Sequence[str] = ()) -> Started:
        """Gives `known` a follow-up, once. The prompt must carry the order's identity.

        :param known: the run as it was before
        """
        codegen = self._tools.codegen

        async def resume() -> AgentRun:
            return await codegen.resume_run(known.id, prompt, images=images)

        async def look() -> AgentRun | None:
            now = await codegen.run(known.id)
            if known.finished and (not now.finished or _outcome(now) != _outcome(known)):
                return now
            entries = (await codegen.logs_page(known.id, limit=100, reverse=True)).logs
            return now if any(self._order.identity in entry.model_dump_json() for entry in entries) else None

        async def work() -> Started:
            return Started(await self._once(look, resume), self._tools.now())

        started = await self._record("resume-run", _STARTED, work)
        await self._remember(started.run)
        return started

    async def analyze_sandbox_logs(self, sandbox_id: int) -> Started:
        """Lets Codegen start a run that explains a sandbox's set-up logs."""
        codegen = self._tools.codegen

        async def send() -> AgentRun:
            answer = await codegen.analyze_sandbox_logs(sandbox_id)
            return AgentRun(id=answer.agent_run_id, organization_id=self._tools.org_id, status=answer.status)

        return await self._unmarked("analyze_sandbox_logs", send)

    async def generate_setup_commands(self, repo_id: int, *, prompt: str | None) -> Started:
        """Lets Codegen start a run that works out a repository's set-up commands.

        :param repo_id: Codegen's number of the repository
        """
        codegen = self._tools.codegen

        async def send() -> AgentRun:
            answer = await codegen.generate_setup_commands(repo_id, prompt=prompt)
            return AgentRun(
                id=answer.agent_run_id,
                organization_id=self._tools.org_id,
                status=answer.status,
                web_url=answer.url,
            )

        return await self._unmarked("generate_setup_commands", send)

    async def _unmarked(self, operation: str, send: Callable[[], Awaitable[AgentRun]]) -> Started:
        """Starts a run that carries no mark of ours, so that it could not be found again: sent once, or given up.

        A note is written down before anything is sent. Where the note was there before and no answer is, a crash came
        in between, and whether Codegen took the request is not known.

        :raises UpstreamError: then too, with `may_have_happened`
        """
        is_new = False

        async def note() -> bool:
            nonlocal is_new
            is_new = True
            return True

        async def work() -> Started:
            if not is_new:
                raise UpstreamError(
                    Service.CODEGEN,
                    Kind.NETWORK,
                    operation,
                    detail="The bot was restarted while it asked, and does not know what became of it.",
                    may_have_happened=True,
                )
            return Started(await send(), self._tools.now())

        await self._record(f"about-to-{operation}", _FLAG, note)
        started = await self._record(operation, _STARTED, work)
        await self._remember(started.run)
        return started

    async def settled(self, name: str, kind: TypeAdapter[T], find: Callable[[], Awaitable[T]]) -> T:
        """What was found when it was first looked for: what a story goes by must not change where a crash makes it be
        told again."""
        return await self._record(name, kind, find)

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

    async def get(self, run_id: int) -> AgentRun:
        """The run as it is when first asked for."""
        return self._saw(await self._record("run", _RUN, lambda: self._tools.codegen.run(run_id)))

    async def wait(
        self,
        started: Started,
        *,
        show: Callable[[AgentRun, float], Reply],
        resumed: AgentRun | None = None,
        part: str = "",
    ) -> Ended:
        """Waits until the run has ended, or for as long as a reply follows a run; shows progress meanwhile.

        :param show: makes the reply of a run and the seconds since it was set going
        :param resumed: the run as it was before a resume, so that its old ending is not taken for the new one
        :param part: as for `create`
        """
        tools = self._tools
        latest = started.run

        def seconds() -> float:
            return (tools.now() - started.at).total_seconds()

        async def work() -> Ended:
            nonlocal latest
            async with Progress(
                lambda: None if latest.finished else show(latest, seconds()),
                edit=self._reply.show,
                interval=tools.progress_interval,
            ) as progress:

                async def heard(run: AgentRun) -> None:
                    nonlocal latest
                    latest = self._saw(run)
                    progress.heard()

                try:
                    run = await tools.watcher.finished(
                        started.run.id,
                        on_change=heard,
                        known=resumed or started.run,
                        resumed=resumed is not None,
                        timeout=max(tools.run_timeout - seconds(), 1.0),
                    )
                except TimeoutError:
                    run = latest
            return Ended(run, seconds())

        ended = await self._record(f"wait{part}", _ENDED, work)
        self._saw(ended.run)
        return ended

    async def wait_for_all(
        self, started: Sequence[Started], *, show: Callable[[Mapping[int, Ended]], Reply], patience: float
    ) -> list[Ended]:
        """Waits until every one of the runs has ended.

        :param patience: seconds since the first was set going, after which those still at work are left to themselves
        :param show: makes the reply of how the runs are, by their ids
        :returns: in the order of `started`
        """
        tools = self._tools
        latest = {each.run.id: Ended(each.run, 0.0) for each in started}
        begun = {each.run.id: each.at for each in started}

        def note(run: AgentRun, problem: str = "") -> None:
            latest[run.id] = Ended(self._saw(run), (tools.now() - begun[run.id]).total_seconds(), problem)

        async def work() -> list[Ended]:
            left = patience - (tools.now() - min(begun.values())).total_seconds()
            async with Progress(
                lambda: show(latest), edit=self._reply.show, interval=tools.progress_interval
            ) as progress:

                async def heard(run: AgentRun) -> None:
                    note(run)
                    progress.heard()

                async def end(each: Started) -> None:
                    try:
                        run = await tools.watcher.finished(
                            each.run.id, on_change=heard, known=each.run, timeout=max(left, 1.0)
                        )
                    except TimeoutError:
                        return
                    except UpstreamError as error:
                        # One that cannot be read any more sinks no other.
                        note(latest[each.run.id].run, sentence(error))
                        return
                    note(run)
                    progress.heard()

                async with asyncio.TaskGroup() as group:
                    for each in started:
                        group.create_task(end(each))
            return [latest[each.run.id] for each in started]

        return await self._record("wait-for-all", _ALL_ENDED, work)

    async def latest(self) -> int | None:
        """The thread's latest run: of our store, else of our own replies, else the first of the list that is for the
        thread, else the one that the pull request's description names."""
        return await self._record("latest-run", _MAYBE_NUMBER, self._find_latest)

    async def _find_latest(self) -> int | None:
        tools, thread = self._tools, self._order.thread
        if thread is None:
            return None
        stored = await tools.runs.latest(tools.org_id, repository=thread.repository, number=thread.number)
        if stored is not None:
            return stored
        told = await self._reply.latest_runs()
        return told[-1] if told else await self._in_list() or _in_footer(thread)

    async def of_thread(self, repository: str, number: int) -> list[int]:
        """The runs that the bot set going on a thread, the one used last first."""
        return await self._tools.runs.of_thread(self._tools.org_id, repository=repository, number=number)

    async def of_latest_multi_run(self) -> list[int]:
        """The runs of the thread's latest multi-run, its synthesis last; empty where there was none.

        :raises UserMistake: apart from any thread
        """
        self._order.the_thread()
        return await self._record("latest-multi-run", _NUMBERS, self._find_latest_multi_run)

    async def _find_latest_multi_run(self) -> list[int]:
        told = await self._reply.latest_runs(command=MultiRun.USAGE.name)
        return [*told] or await self._multi_run_in_list()

    async def _multi_run_in_list(self) -> list[int]:
        """The same where the bot started it without a word on the thread, among the newest runs."""
        thread = self._order.the_thread()
        runs = [run for run in (await self._tools.codegen.runs_page(1)).runs if _is_marked(run, thread)]
        by_id: dict[object, list[int]] = {}
        for run in runs:
            by_id.setdefault((run.metadata or {}).get("multi_run_id"), []).append(run.id)
        by_id.pop(None, None)
        return sorted(next(iter(by_id.values()), []))

    async def _in_list(self) -> int | None:
        """One page of runs, newest first: a run that the bot started for this thread without a word on it, or one
        whose pull request this is, whoever started it."""
        thread = self._order.the_thread()
        ending = f"/{thread.repository}/pull/{thread.number}".lower() if thread.is_pull_request else None
        for run in (await self._tools.codegen.runs_page(1)).runs:
            urls = ((link.url or "").lower().rstrip("/") for link in run.github_pull_requests)
            if _is_marked(run, thread) or (ending and any(url.endswith(ending) for url in urls)):
                return run.id
        return None

    async def _remember(self, run: AgentRun) -> None:
        self._saw(run)
        if (thread := self._order.thread) is not None:
            await self._tools.runs.remember(
                self._tools.org_id, run.id, repository=thread.repository, number=thread.number
            )

    def _saw(self, run: AgentRun) -> AgentRun:
        self._seen[run.id] = run
        return run


def _is_marked(run: AgentRun, thread: Thread) -> bool:
    """Whether the bot noted in the run that it is for this thread."""
    mark = (run.metadata or {}).get(MARK)
    if not isinstance(mark, dict) or mark.get("number") != thread.number:
        return False
    return str(mark.get("repository", "")).lower() == thread.repository.lower()


def _in_footer(thread: Thread) -> int | None:
    """The run that Codegen's own app names at the end of the description of a pull request that it opened."""
    links = _TRACE.findall(thread.body) if thread.is_pull_request else []
    return int(links[-1]) if links else None


_TRACE = re.compile(r"https://(?:www\.)?codegen\.(?:com|sh)/agent/trace/([1-9][0-9]{0,14})\b", re.ASCII)


def _outcome(run: AgentRun) -> tuple[object, ...]:
    return (run.state, run.result, run.summary, run.github_pull_requests)
