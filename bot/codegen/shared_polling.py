"""Polling shared by several processes on one database, at the cost of one.

Each process stores which runs it waits for. One of them, the leader, polls Codegen for all and stores the results; the
others read them there. A leader that dies is replaced within the lease (`bot.engine.membership`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.codegen.models import AgentRun
from bot.codegen.polling import (
    DEFAULT_INTERVAL,
    NON_RETRYABLE,
    PolledRun,
    PollInterval,
    PollResult,
    RunSource,
    Unreadable,
)
from bot.codegen.watcher import RunWatcher
from bot.errors import BotError, UpstreamError, from_json, to_json
from bot.storage.queries import run_in_thread
from bot.storage.watched_runs import WatchedRuns
from bot.tasks import cancel_and_wait
from bot.upstream import backoff

_log = log.get(__name__)

CLEANUP_INTERVAL = 60.0
"""Seconds."""


class SharedRuns:
    """A `bot.codegen.polling.RunSource` that reads from the database.

    :param upstream: the source that the leader polls
    :param executor: this process's id
    :param is_leader: whether this process is the leader
    :param interval: between two polls
    :param clock: monotonic, in seconds
    """

    def __init__(
        self,
        watched: WatchedRuns,
        upstream: RunSource,
        *,
        executor: str,
        is_leader: Callable[[], bool],
        interval: PollInterval = DEFAULT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._watched = watched
        self._upstream = upstream
        self._executor = executor
        self._is_leader = is_leader
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._wanted: set[int] = set()
        self._known: dict[int, PolledRun] = {}
        self._since: datetime | None = None
        self._stored: dict[int, dict[str, Any]] = {}
        self._cleaned_at = clock()
        self._polled_at: float | None = None  # last successful poll, or start as leader; None: not the leader

    @property
    def lag(self) -> float:
        """Seconds since this process, as the leader, last polled successfully; 0 if another process is the leader."""
        return 0.0 if self._polled_at is None else self._clock() - self._polled_at

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        """The latest stored states of the runs; empty at first."""
        try:
            await run_in_thread(partial(self._watch, {*wanted}))
            unread = [run_id for run_id in wanted if run_id not in self._known]
            seen = await run_in_thread(partial(self._watched.states, self._executor, since=self._since, unread=unread))
        except SQLAlchemyError as error:
            _log.warning("poller.database_unavailable", reason=type(error).__name__)
            return PollResult(is_skipped=True)
        for each in seen:
            self._known[each.run_id] = _polled_run(each.run_id, each.document)
            self._since = each.changed_at if self._since is None else max(self._since, each.changed_at)
        self._known = {run_id: run for run_id, run in self._known.items() if run_id in {*wanted}}
        return PollResult(runs=tuple(self._known.values()))

    def _watch(self, wanted: set[int]) -> None:
        if wanted != self._wanted:
            self._watched.watch(self._executor, wanted - self._wanted, self._wanted - wanted)
            self._wanted = wanted

    async def lead(self) -> None:
        """Polls for all processes whenever this one is the leader, until it is cancelled."""
        failures = 0
        while True:
            delay = self._interval.shortest
            try:
                if self._is_leader():
                    self._polled_at = self._clock() if self._polled_at is None else self._polled_at
                    delay = await self._poll_for_all()
                    self._polled_at = self._clock()
                else:
                    self._polled_at = None
                    self._stored.clear()
                failures = 0
            except UpstreamError as error:
                failures += 1
                delay = backoff(failures)
                _log.warning("poller.codegen_unavailable", seconds=delay, reason=str(error))
            except SQLAlchemyError as error:
                self._stored.clear()
                _log.warning("poller.database_unavailable", reason=type(error).__name__)
            except Exception:  # noqa: BLE001 - the next poll may succeed
                _log.exception("poller.failed")
            await self._sleep(delay)

    async def _poll_for_all(self) -> float:
        """:returns: seconds until the next poll"""
        wanted, youngest = await run_in_thread(self._watched.watched)
        if not wanted:
            self._stored.clear()
            await run_in_thread(self._clean_up)
            return self._interval.shortest
        try:
            result = await self._upstream.poll(wanted)
        except UpstreamError as error:
            if error.kind not in NON_RETRYABLE:
                raise
            result = PollResult(runs=tuple(Unreadable(run_id, error) for run_id in wanted))
        await run_in_thread(partial(self._store, {*wanted}, result.runs))
        if result.failure is not None:
            raise result.failure
        return self._interval.after(youngest, result.requests)

    def _store(self, wanted: set[int], runs: Sequence[PolledRun]) -> None:
        documents = {}
        for run in runs:
            run_id = run.run_id if isinstance(run, Unreadable) else run.id
            if run_id in wanted:
                documents[run_id] = _document(run if isinstance(run, Unreadable) else run.without_clock)
        changed = {run_id: each for run_id, each in documents.items() if each != self._stored.get(run_id)}
        self._watched.set_states(changed, [run_id for run_id in documents if run_id not in changed])
        self._stored = {run_id: each for run_id, each in (self._stored | changed).items() if run_id in wanted}
        self._clean_up()

    def _clean_up(self) -> None:
        if self._clock() - self._cleaned_at > CLEANUP_INTERVAL:
            self._watched.delete_unwatched()
            self._cleaned_at = self._clock()


@asynccontextmanager
async def shared_watcher(
    watched: WatchedRuns,
    upstream: RunSource,
    *,
    executor: str,
    is_leader: Callable[[], bool],
    interval: PollInterval,
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncIterator[tuple[RunWatcher, Callable[[], float]]]:
    """A watcher whose polling is shared with the other processes, and how many seconds ago the watched runs were last
    polled. For the parameters, see `SharedRuns`."""
    shared = SharedRuns(watched, upstream, executor=executor, is_leader=is_leader, interval=interval, sleep=sleep)
    leading = asyncio.create_task(shared.lead(), name="shared-watcher")
    watcher = RunWatcher(shared, interval=interval, sleep=sleep)
    try:
        yield watcher, lambda: max(watcher.lag, shared.lag)
    finally:
        await watcher.aclose()
        await cancel_and_wait(leading)


def _document(run: PolledRun) -> dict[str, Any]:
    if isinstance(run, Unreadable):
        return {"error": to_json(run.error)}
    return {"run": run.model_dump(mode="json")}


def _polled_run(run_id: int, document: dict[str, Any]) -> PolledRun:
    if "run" in document:
        return AgentRun.model_validate(document["run"])
    error: BotError = from_json(document["error"])
    assert isinstance(error, UpstreamError)  # noqa: S101 - _document() wrote it
    return Unreadable(run_id, error)
