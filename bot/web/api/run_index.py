"""An index of an organization's newest runs, per token, for whatever Codegen cannot filter or count by itself.

An index is read only as far back as needed. Every few minutes it is reread completely; in between only its newest pages
are: new runs are there, and nearly all that change. A run far down the list that is resumed is noticed late, at the
latest with the next complete read. Of each run only what lists show is cached (`excerpt`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.codegen.client import Codegen
from bot.codegen.models import PAGE_SIZE, AgentRun, RunsPage
from bot.errors import RETRIED, UpstreamError
from bot.upstream import giving_up_anew_after
from bot.web.api.cache import STALE_PATIENCE, STALE_RETRY, STALE_TTL, OnStale, Sweep, release_memory, size_of

NEWS_INTERVAL = 3.0
"""Seconds between two requests to Codegen for news."""

REREAD_INTERVAL = 300.0
"""Seconds between two complete reads."""

PAGE_PATIENCE = 7.0
"""Seconds for which Codegen is waited for, for each page; `STALE_PATIENCE` where there are old data."""

UNUSED_TTL = 300.0
"""Seconds after which an unused index is dropped."""

NEAR_PAGES = 2
"""Pages that are read every time if they contain unfinished runs. Runs further down cost more requests, and one that
never ends would cost them forever: it is checked again only after `NEWS_INTERVAL` seconds for each of its pages.
"""

MOST_BYTES = 64 * 1024 * 1024
"""Bytes of all indexes; the least recently used ones are dropped."""

MOST_BYTES_OF_ONE = 32 * 1024 * 1024
"""Bytes of a single index. Older runs that do not fit are left out: some ten thousand fit."""

MOST_USERS = 20
"""Users per index whose run ids are cached."""

SIZE_OF_ID = 96
"""Bytes of an id in a set."""

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How far back runs are needed.

    :param since: older ones are not
    :param most: more of them are not
    """

    since: datetime | None = None
    most: int | None = None


_ALL = Depth()


@dataclass(slots=True)
class RunIndex:
    """One organization's newest runs, without gaps.

    :param runs: excerpts, by id
    :param runs_size: bytes that they occupy
    :param oldest: the id of the last run in the list
    :param is_whole: whether there are no older ones
    :param by_user: the ids of a user's runs, and when they were last read
    :param far_from: when unfinished runs far down the list may be checked again
    :param failure: the one that ended the last read, if it may pass
    :param patience: seconds to wait for each page
    """

    runs: dict[int, AgentRun] = field(default_factory=dict)
    runs_size: int = 0
    oldest: int | None = None
    is_whole: bool = False
    by_user: OrderedDict[int, tuple[set[int], float]] = field(default_factory=OrderedDict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    used_at: float = _NEVER
    read_at: float = _NEVER
    reread_at: float = _NEVER
    far_from: float = _NEVER
    failure: UpstreamError | None = None
    failed_at: float = _NEVER
    patience: float = PAGE_PATIENCE

    @property
    def size(self) -> int:
        """Bytes that the index occupies."""
        return self.runs_size + sum(len(ids) for ids, _ in self.by_user.values()) * SIZE_OF_ID

    def add(self, runs: Iterable[AgentRun]) -> None:
        for run in runs:
            known = self.runs.get(run.id)
            if known != run:
                self.runs_size += size_of(run) - (size_of(known) if known else 0)
                self.runs[run.id] = run

    def end_at(self, page: RunsPage, *, is_last: bool) -> None:
        """:param is_last: whether it is the list's last page"""
        self.oldest = page.runs[-1].id if page.runs else self.oldest
        self.is_whole = is_last or not page.runs

    def reaches(self, depth: Depth) -> bool:
        """Whether it goes back as far as needed, or as far as permitted."""
        since, most = depth.since, depth.most
        if self.is_whole or self.size >= MOST_BYTES_OF_ONE or (most is not None and len(self.runs) >= most):
            return True
        return since is not None and any(run.created_at and run.created_at < since for run in self.runs.values())


class RunIndexes:
    """The indexes of all tokens and organizations in use.

    :param on_read: called with an organization's runs as they are read; runs served from an index are not repeated
    :param shorten: makes the excerpts of an organization's runs
    :param most_bytes: of all indexes
    """

    def __init__(
        self,
        *,
        on_read: Callable[[int, Iterable[AgentRun]], Awaitable[None]],
        shorten: Callable[[int, Sequence[AgentRun]], Awaitable[tuple[AgentRun, ...]]],
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_read = on_read
        self._shorten = shorten
        self._most_bytes = most_bytes
        self._clock = clock
        self._indexes: OrderedDict[tuple[str, int], RunIndex] = OrderedDict()
        self._sweep = Sweep(self.drop_unused, every=UNUSED_TTL / 5)

    @property
    def size(self) -> int:
        """Bytes that all indexes occupy."""
        return sum(index.size for index in self._indexes.values())

    async def all(
        self,
        key: str,
        org_id: int,
        codegen: Codegen,
        *,
        user_id: int | None = None,
        on_stale: OnStale | None = None,
    ) -> list[AgentRun]:
        """Excerpts of all runs, unordered. Concurrent callers share one read.

        :param key: the token's digest
        :param user_id: only this user's runs; runs do not contain their user, so Codegen filters them
        :param on_stale: if given, what was read before is returned if Codegen does not answer
        :raises UpstreamError: if the request to Codegen fails
        """
        index = self._index(key, org_id)
        async with index.turn:
            await self._try_read(index, org_id, codegen, _ALL, on_stale=on_stale)
            if user_id is None:
                return [*index.runs.values()]
            ids = await self._of_user(index, codegen, user_id)
            return [run for run in index.runs.values() if run.id in ids]

    async def newest(
        self,
        key: str,
        org_id: int,
        codegen: Codegen,
        *,
        days: int,
        now: datetime,
        most: int = 2_000,
        on_stale: OnStale | None = None,
    ) -> list[AgentRun]:
        """The runs of the last days, newest first, at most `most`.

        :param on_stale: as for `all`
        :raises UpstreamError: if the request to Codegen fails
        """
        # From midnight on: on a partial day less would seem to have been done.
        since = datetime.combine(now.date() - timedelta(days=days - 1), datetime.min.time(), UTC)
        index = self._index(key, org_id)
        async with index.turn:
            await self._try_read(index, org_id, codegen, Depth(since=since, most=most), on_stale=on_stale)
            recent = [run for run in index.runs.values() if run.created_at is None or run.created_at >= since]
        return sorted(recent, key=lambda run: (run.created_at or now, run.id), reverse=True)[:most]

    def drop_unused(self) -> bool:
        """Drops indexes that have not been used lately; returns whether any are left."""
        now = self._clock()
        unused = [key for key, index in self._indexes.items() if now - index.used_at >= UNUSED_TTL]
        for key in unused:
            del self._indexes[key]
        if unused:
            release_memory()
        return bool(self._indexes)

    def _index(self, key: str, org_id: int) -> RunIndex:
        index = self._indexes.setdefault((key, org_id), RunIndex())
        self._indexes.move_to_end((key, org_id))
        index.used_at = self._clock()
        self._sweep.arm()
        return index

    async def _try_read(
        self, index: RunIndex, org_id: int, codegen: Codegen, depth: Depth, *, on_stale: OnStale | None
    ) -> None:
        """Reads what is new, or reports that what was read before is used because Codegen does not answer."""
        is_usable = on_stale is not None and self._clock() - index.read_at < STALE_TTL
        if not (is_usable and index.failure is not None and self._clock() - index.failed_at < STALE_RETRY):
            index.failure = None
            try:
                index.patience = STALE_PATIENCE if is_usable else PAGE_PATIENCE
                await self._read(index, org_id, codegen, depth)
            except UpstreamError as error:
                if not is_usable or error.kind not in RETRIED:
                    raise
                index.failure, index.failed_at = error, self._clock()
        if index.failure is not None and on_stale is not None:
            on_stale(self._clock() - index.read_at, index.failure)

    async def _read(self, index: RunIndex, org_id: int, codegen: Codegen, depth: Depth) -> None:
        """Makes the index as fresh and as deep as needed."""
        now = self._clock()
        if now - index.reread_at >= REREAD_INTERVAL:
            anew = RunIndex(patience=index.patience)
            await self._deepen(anew, org_id, codegen, depth)
            index.runs, index.runs_size = anew.runs, anew.runs_size
            index.oldest, index.is_whole = anew.oldest, anew.is_whole
            index.reread_at = index.read_at = self._clock()
        elif now - index.read_at >= NEWS_INTERVAL:
            await self._read_news(index, org_id, codegen, depth)
            index.read_at = self._clock()
        await self._deepen(index, org_id, codegen, depth)
        while self.size > self._most_bytes and next(iter(self._indexes.values())) is not index:
            self._indexes.popitem(last=False)

    async def _deepen(self, index: RunIndex, org_id: int, codegen: Codegen, depth: Depth) -> None:
        """Reads on after the oldest known run. If new runs have shifted the pages, some are read twice."""
        number = len(index.runs) // PAGE_SIZE
        while not index.reaches(depth):
            number += 1
            page = await self._page(index, org_id, codegen, number)
            index.add(page.runs)
            index.end_at(page, is_last=number * PAGE_SIZE >= page.total)

    async def _read_news(self, index: RunIndex, org_id: int, codegen: Codegen, depth: Depth) -> None:
        """Reads pages from the newest on, until one has nothing new and no unfinished run follows it."""
        unfinished = {run.id for run in index.runs.values() if not run.finished}
        is_far_due = self._clock() >= index.far_from
        found: list[AgentRun] = []
        number = 0
        while True:
            number += 1
            page = await self._page(index, org_id, codegen, number)
            found += page.runs
            unfinished -= {run.id for run in page.runs}
            is_last = not page.runs or number * PAGE_SIZE >= page.total
            # What follows the oldest known run was not needed by any request so far.
            if is_last or any(run.id == index.oldest for run in page.runs):
                index.end_at(page, is_last=is_last)
                break
            last = page.runs[-1]
            is_older = depth.since is not None and last.created_at is not None and last.created_at < depth.since
            if is_older and last.id in index.runs:
                break
            known = (index.runs.get(run.id) for run in page.runs)
            has_news = any(
                before is None or before.without_clock != run.without_clock
                for before, run in zip(known, page.runs, strict=True)
            )
            if not has_news and not (unfinished and (number < NEAR_PAGES or is_far_due)):
                break
        # All at once: adding only some of them would leave a gap that the next read takes for known.
        index.add(found)
        if number > NEAR_PAGES:
            index.far_from = self._clock() + NEWS_INTERVAL * number

    async def _page(self, index: RunIndex, org_id: int, codegen: Codegen, number: int) -> RunsPage:
        """A page of excerpts."""
        with giving_up_anew_after(index.patience):
            page = await codegen.runs_page(number)
        await self._on_read(org_id, page.runs)
        return page.model_copy(update={"runs": await self._shorten(org_id, page.runs)})

    async def _of_user(self, index: RunIndex, codegen: Codegen, user_id: int) -> set[int]:
        """The ids of a user's runs. A run's user never changes: only new runs are read."""
        ids, read_at = index.by_user.pop(user_id, (set[int](), _NEVER))
        if self._clock() - read_at >= NEWS_INTERVAL:
            async for run in codegen.runs(user_id=user_id):
                if run.id in ids:
                    break
                ids.add(run.id)
            read_at = self._clock()
        index.by_user[user_id] = ids, read_at
        while len(index.by_user) > MOST_USERS:
            index.by_user.popitem(last=False)
        return ids
