"""Completion times of runs, observed by polling.

Codegen's API does not return them. What is known is when the bot last saw a run working, and when it first saw it
ended; if the two are close together, that is its completion time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.codegen.models import AgentRun
from bot.codegen.polling import PollResult, RunSource
from bot.store.completion_times import CompletionTimeStore, RunEnd
from bot.store.threads import run_in_thread

_log = log.get(__name__)

CLOSE = timedelta(seconds=30)
"""Longest time between the last poll that saw a run working and the first that saw it ended, for a completion time."""

MOST_AT_WORK = 10_000


class CompletionTimes:
    """The completion times of all organizations' runs, stored in a database."""

    def __init__(self, stored: CompletionTimeStore, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stored = stored
        self._now = now
        self._at_work: dict[tuple[int, int], datetime] = {}

    async def saw(self, org_id: int, runs: Iterable[AgentRun]) -> None:
        """Stores the completion times of those that have ended since they were last seen.

        :param runs: as Codegen returned them just now, not from a cache
        """
        now, ends = self._now(), {}
        for run in runs:
            working_at = self._at_work.pop((org_id, run.id), None)
            if not run.finished:
                self._at_work[org_id, run.id] = now
            elif working_at is not None and now - working_at <= CLOSE:
                ends[run.id] = RunEnd(working_at, now)
        while len(self._at_work) > MOST_AT_WORK:
            del self._at_work[next(iter(self._at_work))]
        if ends:
            try:
                await run_in_thread(partial(self._stored.note, org_id, ends))
            except SQLAlchemyError as error:
                # Polling must not fail because a completion time cannot be stored.
                _log.warning("completion_times.write_failed", reason=type(error).__name__)

    async def of(self, org_id: int, runs: Iterable[AgentRun]) -> dict[int, datetime]:
        """Completion times by run id; runs that have not ended, or whose end was not observed, are left out."""
        ended = [run.id for run in runs if run.finished]
        try:
            return await run_in_thread(partial(self._stored.of, org_id, ended)) if ended else {}
        except SQLAlchemyError as error:
            _log.warning("completion_times.read_failed", reason=type(error).__name__)
            return {}


class ObservingRunSource:
    """A `bot.codegen.polling.RunSource` that passes its results to `ends` as well.

    :param org_id: the runs' organization
    """

    def __init__(self, source: RunSource, ends: CompletionTimes, org_id: int) -> None:
        self._source = source
        self._ends = ends
        self._org_id = org_id

    async def look(self, wanted: Sequence[int]) -> PollResult:
        look = await self._source.look(wanted)
        await self._ends.saw(self._org_id, (each for each in look.sightings if isinstance(each, AgentRun)))
        return look
