"""Polls many runs at once with as few requests as possible.

A page of the run list covers a hundred runs with one request, the newest first. Runs far down the list are searched
page by page, a few pages in each poll, and a few stragglers are read individually.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.codegen.client import Codegen
from bot.codegen.models import PAGE_SIZE, AgentRun
from bot.errors import ErrorKind, UpstreamError

FIRST_PAGES = 3
"""Pages that are read as long as a wanted run is missing."""

MAX_PAGES = 15
"""As many more are read as long as each contains several wanted runs."""

DEEP_PAGES = 3
"""Pages behind the first ones that are read in each poll, in sequence, while many runs are missing."""

SINGLE_READS = 5

MAX_REQUEST_RATE = 1.5
"""Requests a second in the long run. Codegen allows two reads; the rest is for users' commands."""

NON_RETRYABLE = frozenset({ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND})
"""Kinds of failure after which retrying is useless."""


@dataclass(frozen=True, slots=True)
class PollInterval:
    """How often a run is polled.

    :param shortest: seconds between two polls of young runs
    :param longest: the same for old ones
    """

    shortest: float = 2.0
    longest: float = 15.0

    def after(self, age: float, requests: int = 0) -> float:
        """Seconds until the next poll: a thirtieth of the youngest wait's age, within the bounds; longer if the last
        poll took many requests."""
        return max(min(max(age / 30, self.shortest), self.longest), requests / MAX_REQUEST_RATE)


DEFAULT_INTERVAL = PollInterval()

FOLLOW_INTERVAL = 15.0
"""Seconds between two looks at runs that nobody watches (`bot.codegen.following`)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A run that Codegen permanently refuses to return."""

    run_id: int
    error: UpstreamError


PolledRun = AgentRun | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """The result of one poll.

    :param read_alone: the runs that were read individually, successfully or not
    :param requests: how many it took
    :param failure: the error that cut it short
    :param is_skipped: whether nothing was polled, for a reason that is not Codegen's
    """

    runs: tuple[PolledRun, ...] = ()
    read_alone: frozenset[int] = frozenset()
    requests: int = 0
    failure: UpstreamError | None = None
    is_skipped: bool = False


class RunSource(Protocol):
    """A source of runs for a watcher."""

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        """Polls runs; may return others besides.

        :param wanted: their ids, the longest unseen first; empty: none are waited for now
        :raises UpstreamError: if no run could be read
        """


@dataclass(slots=True)
class _Poll:
    """The state of one poll."""

    missing: set[int]
    runs: list[PolledRun] = field(default_factory=list)
    read_alone: set[int] = field(default_factory=set)
    requests: int = 0

    def add(self, runs: Sequence[AgentRun]) -> int:
        """:returns: how many of them were wanted"""
        found = {run.id for run in runs} & self.missing
        self.missing -= found
        self.runs += runs
        return len(found)

    def result(self, failure: UpstreamError | None = None) -> PollResult:
        return PollResult(
            runs=tuple(self.runs), read_alone=frozenset(self.read_alone), requests=self.requests, failure=failure
        )


class UpstreamRuns:
    """The runs of an organization, read from Codegen."""

    def __init__(self, codegen: Codegen) -> None:
        self._codegen = codegen
        self._deep = 0

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        poll = _Poll({*wanted})
        if not poll.missing:
            return poll.result()
        try:
            await self._read_pages(poll)
            await self._read_alone(poll, wanted)
        except UpstreamError as error:
            if not poll.runs or error.kind in NON_RETRYABLE:
                raise
            return poll.result(error)
        return poll.result()

    async def _read_pages(self, poll: _Poll) -> None:
        number, seen, total, found = 0, 0, 1, 0
        # A few stragglers are cheaper to read individually than by more pages.
        while (
            seen < total
            and (number == 0 or len(poll.missing) > 1)
            and number < MAX_PAGES
            and (number < FIRST_PAGES or found > 1)
        ):
            number += 1
            found, count, total = await self._read_page(poll, number)
            seen += count
            if not count:
                return
        if seen < total and len(poll.missing) > SINGLE_READS:
            await self._read_deep(poll, number)

    async def _read_deep(self, poll: _Poll, read: int) -> None:
        """Continues where the last poll stopped, and restarts at the end of the list.

        :param read: pages that have been read so far
        """
        self._deep = max(self._deep, read)
        for _ in range(DEEP_PAGES):
            if len(poll.missing) <= 1:
                return
            self._deep += 1
            _, count, total = await self._read_page(poll, self._deep)
            if (self._deep - 1) * PAGE_SIZE + count >= total:
                self._deep = 0
                return

    async def _read_page(self, poll: _Poll, number: int) -> tuple[int, int, int]:
        """:returns: the number of wanted runs on it, of runs on it, and of runs in all"""
        poll.requests += 1
        page = await self._codegen.runs_page(number)
        return poll.add(page.runs), len(page.runs), page.total

    async def _read_alone(self, poll: _Poll, wanted: Sequence[int]) -> None:
        for run_id in [run_id for run_id in dict.fromkeys(wanted) if run_id in poll.missing][:SINGLE_READS]:
            # Before the response: a run that cannot be read must not block the others.
            poll.read_alone.add(run_id)
            poll.requests += 1
            try:
                poll.add([await self._codegen.run(run_id)])
            except UpstreamError as error:
                if error.kind not in NON_RETRYABLE:
                    raise
                poll.runs.append(Unreadable(run_id, error))
