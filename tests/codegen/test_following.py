"""Runs that no command waits for are followed to their ends, at the price of one page of the list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from bot.codegen.completion_times import CompletionTimes
from bot.codegen.following import OLDEST_RUN, RunFollower
from bot.codegen.models import AgentRun
from bot.errors import ErrorKind, Service, UpstreamError
from bot.storage.runs import CompletionTimeStore
from tests.harness import TIMEOUT


class List:
    """The list of runs, and what is seen of it."""

    def __init__(self, database: Engine) -> None:
        self.runs: list[AgentRun] = []
        self.reads = 0
        self.was_read = asyncio.Event()
        self.has_outage = False
        self.ends = CompletionTimes(CompletionTimeStore(database))

    def set(self, number: int, status: str, *, age: timedelta = timedelta(0)) -> AgentRun:
        run = AgentRun(id=number, organization_id=1, status=status, created_at=datetime.now(UTC) - age)
        self.runs = [run, *(each for each in self.runs if each.id != number)]
        return run

    async def newest(self) -> Sequence[AgentRun]:
        self.reads += 1
        self.was_read.set()
        if self.has_outage:
            raise UpstreamError(Service.CODEGEN, ErrorKind.NETWORK, "runs_page")
        return self.runs[:100]

    async def until(self, reads: int) -> None:
        async with asyncio.timeout(TIMEOUT):
            while self.reads < reads:
                self.was_read.clear()
                await self.was_read.wait()

    async def end_of(self, run: AgentRun) -> datetime:
        async with asyncio.timeout(TIMEOUT):
            while True:
                found = (await self.ends.of(1, [run.model_copy(update={"status": "COMPLETE"})])).get(run.id)
                if found is not None and found.ended_at is not None:
                    return found.ended_at

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        follower = RunFollower(self.ends, 1, self.newest, interval=0.0)
        self.ends.on_working = follower.follow
        try:
            yield
        finally:
            await follower.aclose()


async def test_follower_sees_the_end_of_a_run_that_nobody_reads(database: Engine) -> None:
    runs = List(database)
    async with runs.followed():
        run = runs.set(7, "ACTIVE")
        await runs.ends.follow(1, run)
        await runs.until(2)
        runs.has_outage = True
        await runs.until(4)
        runs.has_outage = False
        runs.set(7, "COMPLETE")
        assert await runs.end_of(run) >= run.created_at  # type: ignore[operator]  # it has one


async def test_follower_follows_only_young_runs_of_its_organization(database: Engine) -> None:
    runs = List(database)
    async with runs.followed():
        await runs.ends.record(2, [runs.set(7, "ACTIVE")])
        await runs.ends.record(1, [runs.set(8, "ACTIVE", age=OLDEST_RUN)])
        await runs.ends.record(1, [runs.set(9, "COMPLETE")])
        for _ in range(10):
            await asyncio.sleep(0)
        assert runs.reads == 0


async def test_follower_gives_up_a_run_that_newer_ones_have_displaced(database: Engine) -> None:
    runs = List(database)
    async with runs.followed():
        run = runs.set(7, "ACTIVE")
        for number in range(8, 108):
            runs.set(number, "COMPLETE")
        await runs.ends.follow(1, run)
        await runs.until(1)
        for _ in range(10):
            await asyncio.sleep(0)
        assert runs.reads == 1
