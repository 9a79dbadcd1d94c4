"""Waits for agent runs and shows their progress in the status comment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import TypeAdapter

from bot import log
from bot.codegen.models import AgentRun, State
from bot.errors import OffloadError, UpstreamError
from bot.execution.failures import describe
from bot.execution.last_steps import LastSteps
from bot.execution.reply import Reply
from bot.execution.run_texts import Ended
from bot.execution.runs import Runs, Started
from bot.execution.services import Services
from bot.execution.status_comment import StatusComment
from bot.execution.steps import DEFERRED, StepRecorder

if TYPE_CHECKING:
    from bot.codegen.polling import PollInterval

_log = log.get(__name__)

UNSURE_TIMEOUT = 300.0
"""Least timeout in seconds if only the wall clock gives a run's age: two machines' clocks may differ."""


_ENDED = TypeAdapter(Ended)
_ALL_ENDED = TypeAdapter(list[Ended], config=DEFERRED)


class RunWaiter:
    """Waits for the runs of one invocation."""

    def __init__(self, services: Services, record: StepRecorder, status_comment: StatusComment, runs: Runs) -> None:
        self._services = services
        self._record = record
        self._status_comment = status_comment
        self._runs = runs
        self._steps = LastSteps(services.codegen)

    @property
    def timeout(self) -> float:
        """Timeout in seconds for waiting on a run."""
        return self._services.run_timeout

    async def wait(
        self,
        started: Started,
        *,
        show: Callable[[AgentRun, datetime, str], Awaitable[Reply]],
        resumed: AgentRun | None = None,
        part: str = "",
    ) -> Ended:
        """Waits until the run has ended, or until the timeout; shows progress meanwhile.

        :param show: makes the reply from a run, when it was started, and its last step as Markdown
        :param resumed: the run as it was before a resume, so that its old end is not taken for the new one
        :param part: as for `create`
        """

        async def work() -> Ended:
            latest, seconds = started.run, self._stopwatch(started)
            left = self._left(self.timeout, [started])

            async def progress_made() -> Reply | None:
                if latest.finished:
                    return None
                steps = await self._steps.read([latest.id] if latest.state is State.WORKING else [])
                return await show(latest, started.at, steps.get(latest.id, ""))

            async with self._progress(progress_made) as progress:

                def note(run: AgentRun) -> None:
                    nonlocal latest
                    latest = self._runs.note(run)
                    progress.notify()

                run, problem = await self._finished(started, note, left=left, resumed=resumed)
            return Ended(run, seconds(), problem)

        ended = await self._record(f"wait{part}", _ENDED, work, is_waiting=True)
        self._runs.note(ended.run)
        return ended

    async def wait_for_all(
        self,
        started: Sequence[Started],
        *,
        show: Callable[[Mapping[int, Ended], Mapping[int, str]], Awaitable[Reply]],
        limit: float,
    ) -> list[Ended]:
        """Waits until all of the runs have ended.

        :param limit: timeout in seconds since the first was started; runs still working then are not waited for
        :param show: makes the reply from the runs' states and their last steps, by their ids
        :returns: in the order of `started`
        """

        async def work() -> list[Ended]:
            latest = {each.run.id: Ended(each.run, 0.0) for each in started}
            seconds = {each.run.id: self._stopwatch(each) for each in started}
            left = self._left(limit, started)

            async def progress_made() -> Reply:
                working = [run_id for run_id, ended in latest.items() if ended.run.state is State.WORKING]
                return await show(latest, await self._steps.read(working))

            async with self._progress(progress_made) as progress:

                def note(run: AgentRun, problem: str = "") -> None:
                    latest[run.id] = Ended(self._runs.note(run), seconds[run.id](), problem)
                    progress.notify()

                async def wait(each: Started) -> None:
                    try:
                        note(*await self._finished(each, note, left=left))
                    except UpstreamError as error:
                        # One that cannot be read any more does not stop the others.
                        note(latest[each.run.id].run, describe(error))

                async with asyncio.TaskGroup() as group:
                    for each in started:
                        group.create_task(wait(each))
            return [latest[each.run.id] for each in started]

        return await self._record("wait-for-all", _ALL_ENDED, work, is_waiting=True)

    async def _finished(
        self, started: Started, note: Callable[[AgentRun], None], *, left: float, resumed: AgentRun | None = None
    ) -> tuple[AgentRun, str]:
        """The run when it has ended, or at the timeout; then also why its state is unknown, if so: it may have ended
        during an outage.

        :param note: called with each state of the run
        :param left: seconds until the timeout
        """

        async def on_change(run: AgentRun) -> None:
            note(run)

        try:
            run = await self._services.watcher.finished(
                started.run.id,
                on_change=on_change,
                known=resumed or started.run,
                resumed=resumed is not None,
                timeout=left,
            )
        except TimeoutError:
            pass
        else:
            return run, ""
        try:
            return await self._services.codegen.run(started.run.id), ""
        except UpstreamError as error:
            return self._runs.seen[started.run.id], describe(error)

    def _progress(self, show: Callable[[], Awaitable[Reply | None]]) -> Progress:
        comment = self._status_comment
        return Progress(
            show,
            edit=comment.show,
            is_behind=lambda: comment.is_behind,
            interval=self._services.progress_interval,
            refresh=self._services.step_refresh,
        )

    def _stopwatch(self, started: Started) -> Callable[[], float]:
        """Returns a function that gives the seconds since a run was started."""
        services = self._services
        if services.clock.since(started.ticks) is not None:
            return lambda: services.clock.since(started.ticks) or 0.0
        # Recorded on another machine: from here on the monotonic clock counts.
        before, now = max((services.now() - started.at).total_seconds(), 0.0), services.clock.ticks()
        return lambda: before + (services.clock.since(now) or 0.0)

    def _left(self, limit: float, started: Sequence[Started]) -> float:
        """Seconds left until the timeout."""
        left = limit - max(self._stopwatch(each)() for each in started)
        is_sure = all(self._services.clock.since(each.ticks) is not None for each in started)
        return max(left, 1.0 if is_sure else min(limit, UNSURE_TIMEOUT))


CATCHING_UP = 5.0
"""Least delay in seconds before a dropped update is tried again, with the state of that time."""


class Progress:
    """Edits the status comment while something is awaited.

    Leaving the context waits for an edit in flight, so that nothing outdated is posted after the end.

    :param show: makes the reply for the current state, None for nothing to show; if it takes too long, updates stop
    :param edit: updates the comment
    :param is_behind: whether the comment is outdated, so that a retry is worthwhile
    :param interval: the shortest time between two edits, in seconds
    :param catching_up: the same after a dropped edit
    :param refresh: how long until the reply is made anew although nothing was reported; that time doubles up to the
        longest, and starts again with each report. None: never
    """

    def __init__(
        self,
        show: Callable[[], Awaitable[Reply | None]],
        *,
        edit: Callable[[Reply], Awaitable[None]],
        is_behind: Callable[[], bool],
        interval: float,
        catching_up: float = CATCHING_UP,
        refresh: PollInterval | None = None,
    ) -> None:
        self._show = show
        self._edit = edit
        self._is_behind = is_behind
        self._interval = interval
        self._catching_up = max(interval, catching_up)
        self._refresh = refresh
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def notify(self) -> None:
        """Reports that something changed."""
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._changed.set()
        if self._task is not None:
            await self._task

    async def _keep_up(self) -> None:
        # An update dropped before this task started is tried again here.
        await self._rest(0.0)
        wait = self._refresh.shortest if self._refresh else None
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
                wait = self._refresh.shortest if self._refresh else None
            except TimeoutError:
                wait = min(wait * 2, self._refresh.longest) if wait and self._refresh else None
            if self._over.is_set():
                return
            self._changed.clear()
            try:
                if (reply := await self._show()) is not None:
                    await self._edit(reply)
            except OffloadError as error:
                _log.warning("progress.ended", reason=str(error))
                return
            await self._rest(self._interval)

    async def _rest(self, seconds: float) -> None:
        """Waits until the next edit is allowed."""
        if self._is_behind():
            self._changed.set()
            seconds = self._catching_up
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
