"""Waits for agent runs to end, across restarts, with progress in the status comment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from bot.codegen.models import AgentRun
from bot.errors import UpstreamError
from bot.handlers.progress import Progress
from bot.handlers.runs import Started
from bot.handlers.services import Services
from bot.handlers.status_comment import StatusComment
from bot.handlers.steps import StepRecorder
from bot.replies.failures import sentence
from bot.replies.reply import Reply

UNSURE_PATIENCE = 300.0
"""Least timeout in seconds if only the wall clock gives a run's age: two machines' clocks may differ."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run when waiting ended, `seconds` after it was started; not finished if the timeout came first.

    :param problem: why the run cannot be followed, or its state is not known, in our own words; usually empty
    """

    run: AgentRun
    seconds: float
    problem: str = ""


_ENDED = TypeAdapter(Ended)
_ALL_ENDED = TypeAdapter(list[Ended])


class RunWaiter:
    """Waits for the runs of one invocation.

    :param seen: receives each run's latest state
    """

    def __init__(
        self, services: Services, record: StepRecorder, reply: StatusComment, *, seen: dict[int, AgentRun]
    ) -> None:
        self._services = services
        self._record = record
        self._reply = reply
        self._seen = seen

    @property
    def patience(self) -> float:
        """Timeout in seconds for waiting on a run."""
        return self._services.run_timeout

    async def wait(
        self,
        started: Started,
        *,
        show: Callable[[AgentRun, float], Awaitable[Reply]],
        resumed: AgentRun | None = None,
        part: str = "",
    ) -> Ended:
        """Waits until the run has ended, or until the timeout; shows progress meanwhile.

        :param show: makes the reply from a run and the seconds since it was started
        :param resumed: the run as it was before a resume, so that its old end is not taken for the new one
        :param part: as for `create`
        """
        services = self._services
        latest = started.run
        seconds = self._stopwatch(started)

        async def progress_made() -> Reply | None:
            return None if latest.finished else await show(latest, seconds())

        async def work() -> Ended:
            nonlocal latest
            async with Progress(
                progress_made,
                edit=self._reply.show,
                is_behind=self._is_behind,
                interval=services.progress_interval,
            ) as progress:

                async def heard(run: AgentRun) -> None:
                    nonlocal latest
                    latest = self._saw(run)
                    progress.heard()

                try:
                    run = await services.watcher.finished(
                        started.run.id,
                        on_change=heard,
                        known=resumed or started.run,
                        resumed=resumed is not None,
                        timeout=self._left(services.run_timeout, [started]),
                    )
                except TimeoutError:
                    run, problem = await self._last_look(latest)
                    return Ended(run, seconds(), problem)
            return Ended(run, seconds())

        ended = await self._record(f"wait{part}", _ENDED, work, rests=True)
        self._saw(ended.run)
        return ended

    async def wait_for_all(
        self, started: Sequence[Started], *, show: Callable[[Mapping[int, Ended]], Awaitable[Reply]], patience: float
    ) -> list[Ended]:
        """Waits until all of the runs have ended.

        :param patience: timeout in seconds since the first was started; runs still working then are not waited for
        :param show: makes the reply from the runs' states, by their ids
        :returns: in the order of `started`
        """
        services = self._services
        latest = {each.run.id: Ended(each.run, 0.0) for each in started}
        seconds = {each.run.id: self._stopwatch(each) for each in started}

        def note(run: AgentRun, problem: str = "") -> None:
            latest[run.id] = Ended(self._saw(run), seconds[run.id](), problem)

        async def work() -> list[Ended]:
            left = self._left(patience, started)
            async with Progress(
                lambda: show(latest),
                edit=self._reply.show,
                is_behind=self._is_behind,
                interval=services.progress_interval,
            ) as progress:

                async def heard(run: AgentRun) -> None:
                    note(run)
                    progress.heard()

                async def end(each: Started) -> None:
                    try:
                        run = await services.watcher.finished(
                            each.run.id, on_change=heard, known=each.run, timeout=left
                        )
                    except TimeoutError:
                        note(*await self._last_look(latest[each.run.id].run))
                        return
                    except UpstreamError as error:
                        # One that cannot be read any more does not stop the others.
                        note(latest[each.run.id].run, sentence(error))
                        return
                    note(run)
                    progress.heard()

                async with asyncio.TaskGroup() as group:
                    for each in started:
                        group.create_task(end(each))
            return [latest[each.run.id] for each in started]

        return await self._record("wait-for-all", _ALL_ENDED, work, rests=True)

    def _stopwatch(self, started: Started) -> Callable[[], float]:
        """Returns a function that gives the seconds since a run was started."""
        services = self._services
        if services.clock.since(started.ticks) is not None:
            return lambda: services.clock.since(started.ticks) or 0.0
        # Recorded on another machine: from here on the monotonic clock counts.
        before, now = max((services.now() - started.at).total_seconds(), 0.0), services.clock.ticks()
        return lambda: before + (services.clock.since(now) or 0.0)

    def _left(self, patience: float, started: Sequence[Started]) -> float:
        """Seconds left until the timeout."""
        left = patience - max(self._stopwatch(each)() for each in started)
        is_sure = all(self._services.clock.since(each.ticks) is not None for each in started)
        return max(left, 1.0 if is_sure else min(patience, UNSURE_PATIENCE))

    async def _last_look(self, latest: AgentRun) -> tuple[AgentRun, str]:
        """The run at the timeout, and why its state is unknown, if so: it may have ended during an outage."""
        try:
            return await self._services.codegen.run(latest.id), ""
        except UpstreamError as error:
            return latest, sentence(error)

    def _is_behind(self) -> bool:
        return self._reply.is_behind

    def _saw(self, run: AgentRun) -> AgentRun:
        self._seen[run.id] = run
        return run
