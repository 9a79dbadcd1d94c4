"""Follows the unfinished runs of one organization to their ends, whoever started them.

Whatever reads the list of runs reports them (`bot.codegen.completion_times`). Only while nothing else does, one page of
the list is read now and then: a hundred runs at the price of one.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from bot import log
from bot.codegen.completion_times import MAX_GAP, CompletionTimes
from bot.codegen.models import AgentRun
from bot.codegen.polling import FOLLOW_INTERVAL
from bot.errors import UpstreamError
from bot.tasks import cancel_and_wait

_log = log.get(__name__)

OLDEST_RUN = timedelta(hours=24)
"""Older runs are not followed: one that never ends would cost a request every time."""

assert timedelta(seconds=2 * FOLLOW_INTERVAL) <= MAX_GAP  # noqa: S101 - one look may come late


class RunFollower:
    """Follows the runs of one organization.

    :param read_newest: returns the newest hundred runs
    :param interval: seconds between two looks
    """

    def __init__(
        self,
        ends: CompletionTimes,
        org_id: int,
        read_newest: Callable[[], Awaitable[Sequence[AgentRun]]],
        *,
        interval: float = FOLLOW_INTERVAL,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ends = ends
        self._org_id = org_id
        self._read_newest = read_newest
        self._interval = interval
        self._now = now
        self._noticed: dict[int, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def follow(self, org_id: int, runs: Sequence[AgentRun]) -> None:
        """Follows these runs, if they are the organization's; called with all that are seen working."""
        if org_id != self._org_id:
            return
        now = self._now()
        for run in runs:
            if run.created_at is None or now - run.created_at < OLDEST_RUN:
                self._noticed.setdefault(run.id, now)
        if self._noticed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="run-follower", context=contextvars.Context())

    async def aclose(self) -> None:
        if self._task is not None:
            await cancel_and_wait(self._task)

    async def _run(self) -> None:
        while self._noticed:
            await asyncio.sleep(self._interval)
            if unseen := self._unseen():
                await self._look(unseen)

    def _unseen(self) -> list[int]:
        """The runs that nothing has read lately; those that have ended are forgotten."""
        now, gap, unseen = self._now(), timedelta(seconds=self._interval), []
        for run_id, noticed_at in [*self._noticed.items()]:
            seen_at = self._ends.seen_at(self._org_id, run_id)
            if seen_at is None and now - noticed_at > MAX_GAP:
                del self._noticed[run_id]
            elif seen_at is None or now - seen_at >= gap:
                unseen.append(run_id)
        return unseen

    async def _look(self, unseen: Sequence[int]) -> None:
        try:
            newest = await self._read_newest()
        except UpstreamError as error:
            _log.info("run_follower.codegen_unavailable", reason=str(error))
            return
        listed = {run.id for run in newest}
        for run_id in unseen:
            # Those that a hundred newer ones have displaced are given up; their logs still tell when they ended.
            if run_id not in listed:
                self._noticed.pop(run_id, None)
        await self._ends.record(self._org_id, newest)
