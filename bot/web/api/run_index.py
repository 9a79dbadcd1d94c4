"""All runs of an organization as one token sees them, for whoever filters or sorts: Codegen's list can do neither.

The whole list is read once and again every few minutes. In between, only its beginning is: what is new stands there,
and so does nearly everything that changes. A run that has fallen far behind and is resumed is seen late, at the latest
with the next whole reading.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.codegen.client import PAGE_SIZE, Codegen
from bot.codegen.models import AgentRun

FRESH = 3.0
"""Seconds for which nothing is asked."""

WHOLE_EVERY = 300.0
"""Seconds after which the whole list is read again."""

NEAR = 2
"""Pages that are read every time where an unfinished run stands on them. What is further down costs the more requests
the further down it is, and one that never ends would cost them for ever: it waits `FRESH` for each of its pages."""

MOST_INDEXES = 100


_Place = tuple[str, int, int | None, str | None, datetime | None]


@dataclass(slots=True)
class RunIndex:
    """One organization's runs.

    :param most: how many of the newest are read; None: all
    :param since: older ones are not read
    :param runs: by id
    :param far_from: when unfinished runs that stand far down may be looked for again
    """

    user_id: int | None
    source_type: str | None
    most: int | None = None
    since: datetime | None = None
    runs: dict[int, AgentRun] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    looked_at: float = float("-inf")
    whole_at: float = float("-inf")
    far_from: float = float("-inf")

    def is_too_old(self, run: AgentRun) -> bool:
        return self.since is not None and run.created_at is not None and run.created_at < self.since


class RunIndexes:
    """The indexes of all tokens and organizations that are asked for.

    :param saw: is told an organization's runs as they are read; what an index has kept is not told again
    """

    def __init__(
        self,
        *,
        saw: Callable[[int, Iterable[AgentRun]], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._saw = saw
        self._clock = clock
        self._known: OrderedDict[_Place, RunIndex] = OrderedDict()

    async def all(
        self,
        key: str,
        org_id: int,
        codegen: Codegen,
        *,
        user_id: int | None = None,
        source_type: str | None = None,
    ) -> list[AgentRun]:
        """Every run, in no order. One reads for all who wait.

        :param key: the token's digest
        :param user_id: whose runs; an answer does not tell it, so Codegen is asked
        :param source_type: the same
        :raises UpstreamError: where Codegen does not answer
        """
        place = (key, org_id, user_id, source_type, None)
        return await self._runs(place, RunIndex(user_id=user_id, source_type=source_type), codegen)

    async def newest(
        self, key: str, org_id: int, codegen: Codegen, *, days: int, now: datetime, most: int = 2_000
    ) -> list[AgentRun]:
        """The runs of the last days, in no order; of very many only the newest.

        :raises UpstreamError: where Codegen does not answer
        """
        # From midnight on: the day that is cut off would look as if less had been done on it.
        since = datetime.combine(now.date() - timedelta(days=days - 1), datetime.min.time(), UTC)
        new = RunIndex(user_id=None, source_type=None, most=most, since=since)
        return await self._runs((key, org_id, None, None, since), new, codegen)

    async def _runs(self, place: _Place, new: RunIndex, codegen: Codegen) -> list[AgentRun]:
        index = self._known.setdefault(place, new)
        self._known.move_to_end(place)
        while len(self._known) > MOST_INDEXES:
            self._known.popitem(last=False)
        org_id = place[1]
        async with index.turn:
            now = self._clock()
            if now - index.looked_at >= FRESH:
                whole = now - index.whole_at >= WHOLE_EVERY
                await (self._read_all(index, org_id, codegen) if whole else self._read_news(index, org_id, codegen))
                index.looked_at = self._clock()
        return [*index.runs.values()]

    async def _read_all(self, index: RunIndex, org_id: int, codegen: Codegen) -> None:
        runs: dict[int, AgentRun] = {}
        async for run in codegen.runs(user_id=index.user_id, source_type=index.source_type):
            if len(runs) == index.most or index.is_too_old(run):
                break
            runs[run.id] = run
            await self._saw(org_id, [run])
        index.runs = runs
        index.whole_at = self._clock()

    async def _read_news(self, index: RunIndex, org_id: int, codegen: Codegen) -> None:
        """Pages from the newest on, until one holds nothing new and no unfinished run stands behind it."""
        unfinished = {run.id for run in index.runs.values() if not run.finished}
        is_far_too = self._clock() >= index.far_from
        number = seen = 0
        while True:
            number += 1
            page = await codegen.runs_page(number, user_id=index.user_id, source_type=index.source_type)
            await self._saw(org_id, page.runs)
            wanted = [run for run in page.runs if not index.is_too_old(run)]
            news = [run for run in wanted if index.runs.get(run.id) != run]
            index.runs |= {run.id: run for run in wanted}
            unfinished -= {run.id for run in page.runs}
            seen += len(page.runs)
            is_last = len(wanted) < PAGE_SIZE or seen >= page.total or seen == index.most
            if is_last or (not news and (not unfinished or (number >= NEAR and not is_far_too))):
                break
        if number > NEAR:
            index.far_from = self._clock() + FRESH * number
