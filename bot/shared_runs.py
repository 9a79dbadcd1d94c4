"""Polling shared by several processes on one database, at the cost of one.

Each process stores which runs it waits for. One of them, the leader, polls Codegen for all and stores the results; the
others read them there. A leader that dies is replaced within the lease (`bot.engine.membership`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.codegen.models import AgentRun
from bot.codegen.polling import NON_RETRYABLE, PollResult, RunSource, Sighting, Unreadable
from bot.codegen.watcher import MOST_REQUESTS, OUTAGE_DELAYS
from bot.errors import BotError, UpstreamError, from_json, to_json
from bot.store.threads import run_in_thread
from bot.store.watched_runs import WatchedRuns

_log = log.get(__name__)

TIDY_EVERY = 60.0
"""Seconds."""


class SharedRuns:
    """A `bot.codegen.polling.RunSource` that reads from the database.

    :param upstream: the source that the leader polls
    :param executor: this process's id
    :param leads: whether this process is the leader
    :param shortest: seconds between two polls while a run is young
    :param longest: the same for old runs
    :param clock: monotonic, in seconds
    """

    def __init__(
        self,
        watched: WatchedRuns,
        upstream: RunSource,
        *,
        executor: str,
        leads: Callable[[], bool],
        shortest: float = 2.0,
        longest: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._watched = watched
        self._upstream = upstream
        self._executor = executor
        self._leads = leads
        self._shortest = shortest
        self._longest = longest
        self._clock = clock
        self._sleep = sleep
        self._wanted: set[int] = set()
        self._known: dict[int, Sighting] = {}
        self._since: datetime | None = None
        self._last_told: dict[int, dict[str, Any]] = {}
        self._tidied = clock()
        self._saw_at: float | None = None  # last successful poll, or start as leader; None: not the leader

    @property
    def lag(self) -> float:
        """Seconds since this process, as the leader, last polled successfully; 0 if another process is the leader."""
        return 0.0 if self._saw_at is None else self._clock() - self._saw_at

    async def look(self, wanted: Sequence[int]) -> PollResult:
        """The latest stored states of the runs; empty at first."""
        try:
            await run_in_thread(partial(self._want, {*wanted}))
            never = [run_id for run_id in wanted if run_id not in self._known]
            seen = await run_in_thread(partial(self._watched.seen, self._executor, since=self._since, never=never))
        except SQLAlchemyError as error:
            _log.warning("poller.database_unavailable", reason=type(error).__name__)
            return PollResult(is_blind=True)
        for each in seen:
            self._known[each.run_id] = _sighting(each.run_id, each.document)
            self._since = each.changed_at if self._since is None else max(self._since, each.changed_at)
        self._known = {run_id: sighting for run_id, sighting in self._known.items() if run_id in {*wanted}}
        return PollResult(sightings=tuple(self._known.values()))

    def _want(self, wanted: set[int]) -> None:
        if wanted != self._wanted:
            self._watched.want(self._executor, wanted - self._wanted, self._wanted - wanted)
            self._wanted = wanted

    async def lead(self) -> None:
        """Polls for all processes whenever this one is the leader, until it is cancelled."""
        failures = 0
        while True:
            rest = self._shortest
            try:
                if self._leads():
                    self._saw_at = self._clock() if self._saw_at is None else self._saw_at
                    rest = await self._look_for_all()
                    self._saw_at = self._clock()
                else:
                    self._saw_at = None
                    self._last_told.clear()
                failures = 0
            except UpstreamError as error:
                rest = OUTAGE_DELAYS[min(failures, len(OUTAGE_DELAYS) - 1)]
                failures += 1
                _log.warning("poller.codegen_unavailable", seconds=rest, reason=str(error))
            except SQLAlchemyError as error:
                self._last_told.clear()
                _log.warning("poller.database_unavailable", reason=type(error).__name__)
            except Exception:  # noqa: BLE001 - the next poll may succeed
                _log.exception("poller.failed")
            await self._sleep(rest)

    async def _look_for_all(self) -> float:
        """:returns: seconds until the next poll"""
        wanted, youngest = await run_in_thread(self._watched.wanted)
        if not wanted:
            self._last_told.clear()
            await run_in_thread(self._tidy)
            return self._shortest
        try:
            look = await self._upstream.look(wanted)
        except UpstreamError as error:
            if error.kind not in NON_RETRYABLE:
                raise
            look = PollResult(sightings=tuple(Unreadable(run_id, error) for run_id in wanted))
        await run_in_thread(partial(self._tell, {*wanted}, look.sightings))
        if look.failed is not None:
            raise look.failed
        return max(min(max(youngest / 30, self._shortest), self._longest), look.requests / MOST_REQUESTS)

    def _tell(self, wanted: set[int], sightings: Sequence[Sighting]) -> None:
        documents = {}
        for sighting in sightings:
            run_id = sighting.run_id if isinstance(sighting, Unreadable) else sighting.id
            if run_id in wanted:
                documents[run_id] = _document(sighting)
        changed = {run_id: each for run_id, each in documents.items() if each != self._last_told.get(run_id)}
        self._watched.tell(changed, [run_id for run_id in documents if run_id not in changed])
        self._last_told = {run_id: each for run_id, each in (self._last_told | changed).items() if run_id in wanted}
        self._tidy()

    def _tidy(self) -> None:
        if self._clock() - self._tidied > TIDY_EVERY:
            self._watched.tidy()
            self._tidied = self._clock()


def _document(sighting: Sighting) -> dict[str, Any]:
    if isinstance(sighting, Unreadable):
        return {"error": to_json(sighting.error)}
    return {"run": sighting.model_dump(mode="json")}


def _sighting(run_id: int, document: dict[str, Any]) -> Sighting:
    if "run" in document:
        return AgentRun.model_validate(document["run"])
    error: BotError = from_json(document["error"])
    assert isinstance(error, UpstreamError)  # noqa: S101 - _document() wrote it
    return Unreadable(run_id, error)
