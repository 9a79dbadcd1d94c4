"""Waits for runs; one poll per tick covers all of them (`bot.codegen.polling`)."""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from bot import log
from bot.codegen.models import AgentRun
from bot.codegen.polling import DEFAULT_INTERVAL, NON_RETRYABLE, PollInterval, RunSource, Unreadable
from bot.errors import BotError, UpstreamError
from bot.tasks import cancel_and_wait
from bot.upstream import backoff

_log = log.get(__name__)

MIN_SLEEP = 0.1
SLEEP_ERROR = 0.001
"""Seconds; less than that is not worth a sleep."""
RESUME_GRACE = 20.0
"""Seconds after a resume in which the run's old end is not mistaken for its new one."""

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
    polled_at: float = 0.0

    def is_over(self, run: AgentRun, now: float) -> bool:
        """Whether a finished run has reached the end that is waited for."""
        if not self.resumed or self.seen_working or self.known is None:
            return True
        return _visible(run) != _visible(self.known) or now - self.since > RESUME_GRACE

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class RunWatcher:
    """Watches the runs of one organization for all who wait.

    :param source: of the runs
    :param interval: between two ticks
    """

    def __init__(
        self,
        source: RunSource,
        *,
        interval: PollInterval = DEFAULT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._waits: list[_Wait] = []
        self._requests = 0
        self._polled_at = -math.inf
        self._task: asyncio.Task[None] | None = None

    @property
    def watched(self) -> int:
        """The number of runs that are waited for."""
        return len({wait.run_id for wait in self._open_waits()})

    @property
    def lag(self) -> float:
        """Seconds since the last poll, or since the first waiter came; 0 while there is none."""
        since = [wait.since for wait in self._open_waits()]
        return self._clock() - max(self._polled_at, min(since)) if since else 0.0

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
            await cancel_and_wait(self._task)
            self._task = None

    def _open_waits(self) -> list[_Wait]:
        return [wait for wait in self._waits if not wait.done.done()]

    async def _watch(self) -> None:
        failures = 0
        while await self._is_needed():
            try:
                await self._tick()
            except UpstreamError as error:
                if error.kind in NON_RETRYABLE:
                    _fail(self._waits, error)
                failures += 1
                delay = backoff(failures)
                _log.warning("poller.codegen_unavailable", seconds=delay, reason=str(error))
                if self._open_waits():
                    await self._sleep(delay)
            except Exception:  # noqa: BLE001 - logged, and raised in all waiters
                # The waiters get an error; the traceback is in the log.
                _log.exception("poller.failed")
                _fail(self._waits, BotError("the run watcher failed"))
                return
            else:
                failures = 0
                await self._rest()

    async def _is_needed(self) -> bool:
        if not self._open_waits():
            with suppress(BotError):
                await self._source.poll(())
        # A waiter may have come meanwhile.
        return bool(self._open_waits())

    async def _rest(self) -> None:
        """Sleeps until the next tick, in pieces, so that a new waiter among those for old runs is served soon."""
        began = self._clock()
        # By the clock, and not by the time slept: the interval grows during the sleep, and counting only the sleeps
        # would approach the end forever.
        while self._open_waits() and (left := self._next_interval() - (self._clock() - began)) > SLEEP_ERROR:
            await self._sleep(min(left, max(self._interval.shortest, MIN_SLEEP)))

    def _next_interval(self) -> float:
        youngest = min((self._clock() - wait.since for wait in self._waits), default=0.0)
        return self._interval.after(youngest, self._requests)

    async def _tick(self) -> None:
        longest_unseen_first = sorted(self._open_waits(), key=lambda wait: wait.polled_at)
        result = await self._source.poll([*dict.fromkeys(wait.run_id for wait in longest_unseen_first)])
        self._requests = result.requests
        for wait in self._waits:
            if wait.run_id in result.read_alone:
                wait.polled_at = self._clock()
        for run in result.runs:
            if isinstance(run, Unreadable):
                _fail([wait for wait in self._waits if wait.run_id == run.run_id], run.error)
            else:
                await self._update(run)
        if result.failure is not None:
            raise result.failure
        if not result.is_skipped:
            self._polled_at = self._clock()

    async def _update(self, run: AgentRun) -> None:
        for wait in [each for each in self._waits if each.run_id == run.id]:
            if wait.done.done():
                continue
            wait.polled_at = self._clock()
            if not run.finished:
                wait.seen_working = True
            elif wait.is_over(run, self._clock()):
                wait.done.set_result(run)
                continue
            if wait.on_change is not None and (wait.last is None or _visible(run) != _visible(wait.last)):
                try:
                    await wait.on_change(run)
                except Exception as error:  # noqa: BLE001 - raised in the waiter that it belongs to, and in no other
                    wait.fail(error)
            wait.last = run


def _fail(waits: Iterable[_Wait], error: BotError) -> None:
    for wait in waits:
        wait.fail(error)


def _visible(run: AgentRun) -> tuple[object, ...]:
    """The parts of a run that a reader would notice."""
    return (run.state, run.status, run.summary, run.result, run.github_pull_requests, run.usage, run.changes)
