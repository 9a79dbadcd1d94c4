"""When runs worked and ended, observed by polling.

Codegen's API does not return it. What is known is when the bot last saw a run working, and when it first saw it ended;
if the two are close together, that is its completion time. A run that is resumed works again: its spans are added up,
so that the time in which it waited for people does not count.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.codegen.models import AgentRun, LogEntry
from bot.codegen.polling import PollResult, RunSource
from bot.storage.queries import run_in_thread
from bot.storage.runs import CompletionTimeStore, RunEnd, WorkingSpans

_log = log.get(__name__)

MAX_GAP = timedelta(seconds=30)
"""Longest time between the last poll that saw a run working and the first that saw it ended, for a completion time."""

MAX_WORKING = 10_000

ENDINGS = frozenset({"FINAL_ANSWER", "ERROR"})
"""The types of log entries with which a run stops working."""

FOLLOW_UPS = frozenset({"USER_MESSAGE", "USER_GITHUB_ISSUE_COMMENT"})
"""Those with which it begins again."""


@dataclass(frozen=True, slots=True)
class RunTimes:
    """:param ended_at: None if it has not ended, or its end is not known
    :param working_seconds: the sum of its working spans, the one in progress up to now; None if not known
    """

    ended_at: datetime | None = None
    working_seconds: float | None = None


UNKNOWN_TIMES = RunTimes()
"""Of a run that was never observed."""


class CompletionTimes:
    """The completion times of all organizations' runs, stored in a database.

    :param on_working: called with an organization and those of its runs that were just seen working
    """

    def __init__(
        self,
        stored: CompletionTimeStore,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_working: Callable[[int, Sequence[AgentRun]], None] = lambda _org_id, _runs: None,
    ) -> None:
        self._stored = stored
        self._now = now
        self.on_working = on_working
        self._working: dict[tuple[int, int], tuple[datetime, datetime]] = {}
        """When each was first and last seen working."""

    def seen_at(self, org_id: int, run_id: int) -> datetime | None:
        """When the run was last seen working; None once it has ended."""
        seen = self._working.get((org_id, run_id))
        return seen and seen[1]

    async def follow(self, org_id: int, run: AgentRun) -> None:
        """Has a run followed to its end that was started or resumed just now."""
        await self.record(org_id, [run])
        if run.finished:
            # A follow-up shows after a moment.
            self.on_working(org_id, [run])

    async def record(self, org_id: int, runs: Iterable[AgentRun]) -> None:
        """Stores when those worked that have begun or ended since they were last seen.

        :param runs: as Codegen returned them just now, not from a cache
        """
        now, ends, begun, working = self._now(), dict[int, RunEnd](), list[int](), list[AgentRun]()
        for run in runs:
            seen = self._working.pop((org_id, run.id), None)
            if not run.finished:
                if seen is None:
                    begun.append(run.id)
                self._working[org_id, run.id] = (now if seen is None else seen[0], now)
                working.append(run)
            elif seen is not None and now - seen[1] <= MAX_GAP:
                ends[run.id] = RunEnd(seen[1], now, began_at=seen[0], created_at=run.created_at)
        while len(self._working) > MAX_WORKING:
            del self._working[next(iter(self._working))]
        if ends or begun:
            try:
                await run_in_thread(partial(self._store, org_id, ends, begun, now))
            except SQLAlchemyError as error:
                # Polling must not fail because a completion time cannot be stored.
                _log.warning("completion_times.write_failed", reason=type(error).__name__)
        if working:
            self.on_working(org_id, working)

    def _store(self, org_id: int, ends: dict[int, RunEnd], begun: Sequence[int], now: datetime) -> None:
        if begun:
            self._stored.resume(org_id, begun, at=now)
        if ends:
            self._stored.add(org_id, ends)

    async def record_log(self, org_id: int, run: AgentRun, entries: Sequence[LogEntry], *, is_whole: bool) -> None:
        """Takes the last entry of a finished run's log for its end, if no better one is known.

        :param entries: the last ones, in order
        :param is_whole: whether there are no earlier ones
        """
        ended_at = next((entry.created_at for entry in reversed(entries) if entry.created_at), None)
        if ended_at is None or not run.finished:
            return
        seconds = worked_by_log(run, entries) if is_whole else None
        store = partial(self._stored.add_known, org_id, run.id, ended_at=ended_at, worked_seconds=seconds)
        try:
            await run_in_thread(store)
        except SQLAlchemyError as error:
            _log.warning("completion_times.write_failed", reason=type(error).__name__)

    async def of(self, org_id: int, runs: Iterable[AgentRun]) -> dict[int, RunTimes]:
        """When runs ended and how long they worked, by their ids; those of which nothing is known are left out."""
        wanted = {run.id: run for run in runs}
        try:
            stored = await run_in_thread(partial(self._stored.of, org_id, [*wanted])) if wanted else {}
        except SQLAlchemyError as error:
            _log.warning("completion_times.read_failed", reason=type(error).__name__)
            stored = {}
        now = self._now()
        times = {run_id: times_of(run, stored.get(run_id), now=now) for run_id, run in wanted.items()}
        return {run_id: each for run_id, each in times.items() if each != UNKNOWN_TIMES}


def times_of(run: AgentRun, spans: WorkingSpans | None, *, now: datetime) -> RunTimes:
    """:param spans: what is stored of the run"""
    if not run.finished:
        began, before = (spans.resumed_at, spans.worked_seconds) if spans else (run.created_at, 0.0)
        if before is None:
            return UNKNOWN_TIMES
        return RunTimes(working_seconds=before + (max(0.0, (now - began).total_seconds()) if began else 0.0))
    if spans is None or spans.resumed_at is not None:
        # Never seen to end, or it has ended again since, unobserved.
        return UNKNOWN_TIMES
    return RunTimes(spans.completed_at, spans.worked_seconds)


def worked_by_log(run: AgentRun, entries: Sequence[LogEntry]) -> float | None:
    """The seconds for which a run worked, by its whole log: without the time from each ending to the next follow-up."""
    timed = [(entry.created_at, entry) for entry in entries if entry.created_at is not None]
    if not timed:
        return None
    seconds = (timed[-1][0] - (run.created_at or timed[0][0])).total_seconds()
    for (ended_at, last), (began_at, first) in itertools.pairwise(timed):
        if last.message_type in ENDINGS and first.message_type in FOLLOW_UPS:
            seconds -= (began_at - ended_at).total_seconds()
    return max(0.0, seconds)


class ObservingRunSource:
    """A `bot.codegen.polling.RunSource` that passes its results to `ends` as well.

    :param org_id: the runs' organization
    """

    def __init__(self, source: RunSource, ends: CompletionTimes, org_id: int) -> None:
        self._source = source
        self._ends = ends
        self._org_id = org_id

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        result = await self._source.poll(wanted)
        await self._ends.record(self._org_id, (each for each in result.runs if isinstance(each, AgentRun)))
        return result
