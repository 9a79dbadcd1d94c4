"""An index of all runs of an organization as one token sees them, for filtering, sorting and counting: Codegen's list
supports none of that.

There is one index per token and organization. It is read as far back as a request needs, and extended for the next one.
After some minutes it is reread completely; in between only its newest pages are: new runs are there, and nearly all
that change. A run far down the list that is resumed is noticed late, at the latest with the next complete read.

Of each run only what lists show is kept (`excerpt`), and at most `MOST_BYTES` for all indexes together.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.codegen.client import PAGE_SIZE, Codegen
from bot.codegen.models import AgentRun, RunsPage
from bot.web.api.memory import Sweep, give_back, size_of

FRESH = 3.0
"""Seconds between two requests to Codegen for news."""

WHOLE_EVERY = 300.0
"""Seconds between two complete reads."""

UNUSED = 300.0
"""Seconds after which an unused index is dropped."""

NEAR = 2
"""Pages that are read every time if they contain unfinished runs. Runs further down cost more requests, and one that
never ends would cost them forever: it is checked again only after `FRESH` seconds for each of its pages.
"""

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of all indexes; the least recently used ones are dropped."""

MOST_BYTES_OF_ONE = 32 * 1024 * 1024
"""Bytes of a single index. Older runs that do not fit are left out: some ten thousand fit."""

MOST_USERS = 20
"""Users per index whose run ids are cached."""

SIZE_OF_ID = 96
"""Bytes of an id in a set."""


@dataclass(slots=True)
class RunIndex:
    """One organization's newest runs, without gaps.

    :param runs: by id
    :param runs_size: bytes that they occupy
    :param oldest: the id of the last run in the list
    :param is_whole: whether there are no older ones
    :param by_user: the ids of a user's runs, and when they were last read
    :param far_from: when unfinished runs far down the list may be checked again
    """

    runs: dict[int, AgentRun] = field(default_factory=dict)
    runs_size: int = 0
    oldest: int | None = None
    is_whole: bool = False
    by_user: OrderedDict[int, tuple[set[int], float]] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    used_at: float = float("-inf")
    looked_at: float = float("-inf")
    whole_at: float = float("-inf")
    far_from: float = float("-inf")

    @property
    def size(self) -> int:
        """Bytes that the index occupies."""
        return self.runs_size + sum(len(ids) for ids, _ in self.by_user.values()) * SIZE_OF_ID

    def add(self, runs: Iterable[AgentRun]) -> None:
        """:param runs: excerpts"""
        for run in runs:
            known = self.runs.get(run.id)
            if known != run:
                self.runs_size += size_of(run) - (size_of(known) if known else 0)
                self.runs[run.id] = run

    def leads_on(self, last: AgentRun, since: datetime | None) -> bool:
        """Whether all runs after `last` that are wanted are already known."""
        return since is not None and last.id in self.runs and last.created_at is not None and last.created_at < since

    def ends_with(self, page: RunsPage, *, is_last: bool) -> None:
        """:param is_last: whether it is the list's last page"""
        self.oldest = page.runs[-1].id if page.runs else self.oldest
        self.is_whole = is_last or not page.runs

    def reaches(self, since: datetime | None, most: int | None) -> bool:
        """Whether it goes back as far as wanted, or as far as permitted.

        :param since: older ones are not wanted
        :param most: more are not wanted
        """
        if self.is_whole or self.size >= MOST_BYTES_OF_ONE or (most is not None and len(self.runs) >= most):
            return True
        return since is not None and any(run.created_at and run.created_at < since for run in self.runs.values())


class RunIndexes:
    """The indexes of all tokens and organizations in use.

    :param saw: called with an organization's runs as they are read; runs served from an index are not repeated
    :param shortens: makes the excerpts of an organization's runs
    :param most_bytes: of all indexes
    """

    def __init__(
        self,
        *,
        saw: Callable[[int, Iterable[AgentRun]], Awaitable[None]],
        shortens: Callable[[int, Sequence[AgentRun]], Awaitable[tuple[AgentRun, ...]]],
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._saw = saw
        self._shortens = shortens
        self._most_bytes = most_bytes
        self._clock = clock
        self._known: OrderedDict[tuple[str, int], RunIndex] = OrderedDict()
        self._sweep = Sweep(self.drop_unused, every=UNUSED / 5)

    @property
    def size(self) -> int:
        """Bytes that all indexes occupy."""
        return sum(index.size for index in self._known.values())

    async def all(self, key: str, org_id: int, codegen: Codegen, *, user_id: int | None = None) -> list[AgentRun]:
        """Excerpts of all runs, unordered. Concurrent callers share one read.

        :param key: the token's digest
        :param user_id: only this user's runs; runs do not contain their user, so Codegen filters them
        :raises UpstreamError: if the request to Codegen fails
        """
        index = self._index(key, org_id)
        async with index.turn:
            await self._read(index, org_id, codegen, since=None, most=None)
            if user_id is None:
                return [*index.runs.values()]
            whose = await self._of_user(index, codegen, user_id)
            return [run for run in index.runs.values() if run.id in whose]

    async def newest(
        self, key: str, org_id: int, codegen: Codegen, *, days: int, now: datetime, most: int = 2_000
    ) -> list[AgentRun]:
        """The runs of the last days, newest first, at most `most`.

        :raises UpstreamError: if the request to Codegen fails
        """
        # From midnight on: on a partial day less would seem to have been done.
        since = datetime.combine(now.date() - timedelta(days=days - 1), datetime.min.time(), UTC)
        index = self._index(key, org_id)
        async with index.turn:
            await self._read(index, org_id, codegen, since=since, most=most)
            wanted = [run for run in index.runs.values() if run.created_at is None or run.created_at >= since]
        return sorted(wanted, key=lambda run: (run.created_at or now, run.id), reverse=True)[:most]

    def drop_unused(self) -> bool:
        """Drops indexes that have not been used lately; returns whether any are left."""
        now = self._clock()
        unused = [place for place, index in self._known.items() if now - index.used_at >= UNUSED]
        for place in unused:
            del self._known[place]
        if unused:
            give_back()
        return bool(self._known)

    def _index(self, key: str, org_id: int) -> RunIndex:
        index = self._known.setdefault((key, org_id), RunIndex())
        self._known.move_to_end((key, org_id))
        index.used_at = self._clock()
        self._sweep.arm()
        return index

    async def _read(
        self, index: RunIndex, org_id: int, codegen: Codegen, *, since: datetime | None, most: int | None
    ) -> None:
        """Makes the index as fresh and as deep as wanted."""
        now = self._clock()
        if now - index.whole_at >= WHOLE_EVERY:
            anew = RunIndex()
            await self._deepen(anew, org_id, codegen, since=since, most=most)
            index.runs, index.runs_size = anew.runs, anew.runs_size
            index.oldest, index.is_whole = anew.oldest, anew.is_whole
            index.whole_at = index.looked_at = self._clock()
        elif now - index.looked_at >= FRESH:
            await self._read_news(index, org_id, codegen, since=since)
            index.looked_at = self._clock()
        await self._deepen(index, org_id, codegen, since=since, most=most)
        self._make_room(index)

    async def _deepen(
        self, index: RunIndex, org_id: int, codegen: Codegen, *, since: datetime | None, most: int | None
    ) -> None:
        """Reads on after the oldest known run. If new runs have shifted the pages, some are read twice."""
        number = len(index.runs) // PAGE_SIZE
        while not index.reaches(since, most):
            number += 1
            page = await self._page(org_id, codegen, number)
            index.add(page.runs)
            index.ends_with(page, is_last=number * PAGE_SIZE >= page.total)

    async def _read_news(self, index: RunIndex, org_id: int, codegen: Codegen, *, since: datetime | None) -> None:
        """Reads pages from the newest on, until one has nothing new and no unfinished run follows it."""
        unfinished = {run.id for run in index.runs.values() if not run.finished}
        is_far_too = self._clock() >= index.far_from
        found: list[AgentRun] = []
        number = 0
        while True:
            number += 1
            page = await self._page(org_id, codegen, number)
            found += page.runs
            unfinished -= {run.id for run in page.runs}
            is_last = not page.runs or number * PAGE_SIZE >= page.total
            # What follows the oldest known run was not needed by any request so far.
            if is_last or any(run.id == index.oldest for run in page.runs):
                index.ends_with(page, is_last=is_last)
                break
            if index.leads_on(page.runs[-1], since):
                break
            has_news = any(index.runs.get(run.id) != run for run in page.runs)
            if not has_news and not (unfinished and (number < NEAR or is_far_too)):
                break
        # All at once: adding only some of them would leave a gap that the next read takes for known.
        index.add(found)
        if number > NEAR:
            index.far_from = self._clock() + FRESH * number

    async def _page(self, org_id: int, codegen: Codegen, number: int) -> RunsPage:
        """A page of excerpts."""
        page = await codegen.runs_page(number)
        await self._saw(org_id, page.runs)
        return page.model_copy(update={"runs": await self._shortens(org_id, page.runs)})

    async def _of_user(self, index: RunIndex, codegen: Codegen, user_id: int) -> set[int]:
        """The ids of a user's runs. A run's user never changes: only new runs are read."""
        ids, looked_at = index.by_user.pop(user_id, (set[int](), float("-inf")))
        if self._clock() - looked_at >= FRESH:
            async for run in codegen.runs(user_id=user_id):
                if run.id in ids:
                    break
                ids.add(run.id)
            looked_at = self._clock()
        index.by_user[user_id] = ids, looked_at
        while len(index.by_user) > MOST_USERS:
            index.by_user.popitem(last=False)
        return ids

    def _make_room(self, index: RunIndex) -> None:
        """Drops the least recently used indexes, but never this one."""
        while self.size > self._most_bytes:
            place, oldest = next(iter(self._known.items()))
            if oldest is index:
                return
            del self._known[place]
