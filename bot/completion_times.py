"""When runs ended: whoever looks at runs shows them here, and whoever asks is told.

Codegen's answers hold no such time. What is known is when the bot saw a run at work for the last time, and when it saw
it ended for the first; where the two are close together, that is when it ended.
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
"""Between the last sight of a run at work and the first of its end; what lies further apart tells no time."""

MOST_AT_WORK = 10_000


class CompletionTimes:
    """The ends of all organizations' runs, on a database."""

    def __init__(self, stored: CompletionTimeStore, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stored = stored
        self._now = now
        self._at_work: dict[tuple[int, int], datetime] = {}

    async def saw(self, org_id: int, runs: Iterable[AgentRun]) -> None:
        """Notes those that have ended since they were last seen.

        :param runs: as Codegen told of them just now: what was kept for a while tells no time
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
                # Whoever looks at runs has more to do than to tell when they ended.
                _log.warning("completion_times.write_failed", reason=type(error).__name__)

    async def of(self, org_id: int, runs: Iterable[AgentRun]) -> dict[int, datetime]:
        """When they ended, by id; those that have not ended, or whose end nobody saw, are left out."""
        ended = [run.id for run in runs if run.finished]
        try:
            return await run_in_thread(partial(self._stored.of, org_id, ended)) if ended else {}
        except SQLAlchemyError as error:
            _log.warning("completion_times.read_failed", reason=type(error).__name__)
            return {}


class ObservingRunSource:
    """`bot.codegen.polling.RunSource`, whose sights are shown to `ends` as well.

    :param org_id: whose runs they are
    """

    def __init__(self, source: RunSource, ends: CompletionTimes, org_id: int) -> None:
        self._source = source
        self._ends = ends
        self._org_id = org_id

    async def look(self, wanted: Sequence[int]) -> PollResult:
        look = await self._source.look(wanted)
        await self._ends.saw(self._org_id, (each for each in look.sightings if isinstance(each, AgentRun)))
        return look
