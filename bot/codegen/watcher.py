"""Waits for runs; one poll per tick covers all of them (`bot.codegen.polling`)."""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bot import log
from bot.codegen.models import AgentRun
from bot.codegen.polling import NON_RETRYABLE, RunSource, Unreadable
from bot.errors import BotError, UpstreamError

_log = log.get(__name__)

MOST_REQUESTS = 1.5
"""Requests a second in the long run. Codegen allows two reads; the rest is for users' commands."""

SHORTEST_PIECE = 0.1
A_MOMENT = 0.001
"""Seconds; less than that is not worth a sleep."""
RESUME_GRACE = 20.0
"""Seconds after a resume in which the run's old end is not mistaken for its new one."""

OUTAGE_DELAYS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between two attempts during an outage of Codegen; the waiters keep waiting."""

OnChange = Callable[[AgentRun], Awaitable[None]]


@dataclass(eq=False, slots=True)
class _Wait:
    """A caller that waits for a run."""

    run_id: int
    since: float
    known: AgentRun | None
    resumed: bool
    on_change: OnChange | None
    done: asyncio.Future[AgentRun]
    last: AgentRun | None = None
    seen_working: bool = False
    looked_at: float = field(default=0.0)

    def believes(self, run: AgentRun, now: float) -> bool:
        """Whether a finished run has reached the end that is waited for."""
        if not self.resumed or self.seen_working or self.known is None:
            return True
        return _shown(run) != _shown(self.known) or now - self.since > RESUME_GRACE


class RunWatcher:
    """Watches the runs of one organization for all who wait.

    :param source: of the runs
    :param shortest: seconds between two ticks while a run is young
    :param longest: the same for old runs
    """

    def __init__(
        self,
        source: RunSource,
        *,
        shortest: float = 2.0,
        longest: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._shortest = shortest
        self._longest = longest
        self._clock = clock
        self._sleep = sleep
        self._waits: list[_Wait] = []
        self._requests = 0
        self._looked_at = -math.inf
        self._task: asyncio.Task[None] | None = None

    @property
    def watched(self) -> int:
        """The number of runs that are waited for."""
        return len({wait.run_id for wait in self._waits if not wait.done.done()})

    @property
    def lag(self) -> float:
        """Seconds since the last poll, or since the first waiter came; 0 while there is none."""
        since = [wait.since for wait in self._waits if not wait.done.done()]
        return self._clock() - max(self._looked_at, min(since)) if since else 0.0

    async def finished(
        self,
        run_id: int,
        *,
        on_change: OnChange | None = None,
        known: AgentRun | None = None,
        resumed: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - how long a reply follows a run is an argument
    ) -> AgentRun:
        """Waits for a run's end.

        :param on_change: called with each new state of the run; its exception ends the wait
        :param known: the run as the caller knows it; after a resume, as it was before
        :param resumed: whether the run was given a follow-up just now
        :param timeout: seconds
        :raises TimeoutError: if the run has not ended by then
        :raises UpstreamError: if Codegen permanently refuses to return the run
        """
        wait = _Wait(
            run_id=run_id,
            since=self._clock(),
            known=known,
            resumed=resumed and known is not None and known.finished,
            on_change=on_change,
            done=asyncio.get_running_loop().create_future(),
            last=known,
        )
        self._waits.append(wait)
        if self._task is None or self._task.done():
            # In a context of its own: its log lines belong to no single command.
            self._task = asyncio.create_task(self._watch(), name="run-watcher", context=contextvars.Context())
        try:
            async with asyncio.timeout(timeout):
                return await wait.done
        finally:
            self._waits.remove(wait)

    async def aclose(self) -> None:
        """Stops polling; callers that still wait have to be cancelled by their owners."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _watch(self) -> None:
        failures = 0
        while await self._goes_on():
            try:
                await self._tick()
            except UpstreamError as error:
                if error.kind in NON_RETRYABLE:
                    self._fail(self._waits, error)
                failures += 1
                delay = OUTAGE_DELAYS[min(failures, len(OUTAGE_DELAYS)) - 1]
                _log.warning("poller.codegen_unavailable", seconds=delay, reason=str(error))
                if self._anybody():
                    await self._sleep(delay)
            except Exception:  # noqa: BLE001 - logged, and raised in all waiters
                # The waiters get an error; the traceback is in the log.
                _log.exception("poller.failed")
                self._fail(self._waits, BotError("the watcher broke"))
                return
            else:
                failures = 0
                await self._rest()

    async def _goes_on(self) -> bool:
        if not self._anybody():
            with suppress(BotError):
                await self._source.look(())
        # A waiter may have come meanwhile.
        return self._anybody()

    async def _rest(self) -> None:
        """Sleeps until the next tick, in pieces, so that a new waiter among those for old runs is served soon."""
        began = self._clock()
        # By the clock, and not by the time slept: the interval grows during the sleep, and counting only the sleeps
        # would approach the end forever.
        while self._anybody() and (left := self._interval() - (self._clock() - began)) > A_MOMENT:
            await self._sleep(min(left, max(self._shortest, SHORTEST_PIECE)))

    def _anybody(self) -> bool:
        return any(not wait.done.done() for wait in self._waits)

    def _interval(self) -> float:
        """A thirtieth of the youngest wait's age, within the bounds; longer if the last poll took many requests."""
        youngest = min((self._clock() - wait.since for wait in self._waits), default=0.0)
        return max(min(max(youngest / 30, self._shortest), self._longest), self._requests / MOST_REQUESTS)

    async def _tick(self) -> None:
        longest_unseen_first = sorted(self._waits, key=lambda wait: wait.looked_at)
        wanted = dict.fromkeys(wait.run_id for wait in longest_unseen_first if not wait.done.done())
        look = await self._source.look([*wanted])
        self._requests = look.requests
        for wait in self._waits:
            if wait.run_id in look.tried:
                wait.looked_at = self._clock()
        for sighting in look.sightings:
            if isinstance(sighting, Unreadable):
                self._fail([wait for wait in self._waits if wait.run_id == sighting.run_id], sighting.error)
            else:
                await self._tell(sighting)
        if look.failed is not None:
            raise look.failed
        if not look.is_blind:
            self._looked_at = self._clock()

    async def _tell(self, run: AgentRun) -> None:
        for wait in [each for each in self._waits if each.run_id == run.id]:
            if wait.done.done():
                continue
            wait.looked_at = self._clock()
            if not run.finished:
                wait.seen_working = True
            elif wait.believes(run, self._clock()):
                wait.done.set_result(run)
                continue
            if wait.on_change is not None and (wait.last is None or _shown(run) != _shown(wait.last)):
                try:
                    await wait.on_change(run)
                except Exception as error:  # noqa: BLE001 - raised in the waiter that it belongs to, and in no other
                    if not wait.done.done():
                        wait.done.set_exception(error)
            wait.last = run

    @staticmethod
    def _fail(waits: list[_Wait], error: BotError) -> None:
        for wait in waits:
            if not wait.done.done():
                wait.done.set_exception(error)


def _shown(run: AgentRun) -> tuple[object, ...]:
    """The parts of a run that a reader would notice."""
    return (run.state, run.status, run.summary, run.result, run.github_pull_requests)
