"""Each process has a name of its own; who loses it ends, and who is gone is followed by the others, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.engine import Engine

from bot.engine.takeover import Takeover, claim_name, lock_of
from bot.store.locks import Locks, open_locks
from bot.store.orders import Executors
from tests.store.test_locks import break_connections

pytest_plugins = ["tests.databases"]

PERIOD = 0.02
GRACE = 0.1


@pytest.fixture
def database(postgresql: Engine) -> Engine:
    return postgresql


class Watch:
    """One process that watches over the others."""

    def __init__(self, database: Engine, locks: Locks, me: str) -> None:
        self.locks = locks
        self.me = me
        self.taken_over: list[str] = []
        self.moved = asyncio.Event()
        self.lost = asyncio.Event()
        self._takeover = Takeover(
            locks,
            Executors(database),
            me=me,
            take_over=self._take_over,
            lost=self.lost.set,
            period=PERIOD,
            grace=GRACE,
        )

    async def _take_over(self, executor: str) -> None:
        self.taken_over.append(executor)
        self.moved.set()

    async def watch(self) -> None:
        await self._takeover.watch()


@asynccontextmanager
async def process(database: Engine, wanted: str = "bot") -> AsyncIterator[Watch]:
    locks = open_locks(database)
    watch = Watch(database, locks, await claim_name(locks, wanted))
    Executors(database).add(watch.me)
    watching = asyncio.create_task(watch.watch())
    try:
        yield watch
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await locks.aclose()


async def until_known(executors: Executors, *names: str) -> None:
    async with asyncio.timeout(10):
        while executors.all() != [*names]:  # noqa: ASYNC110 - what another thread writes calls nobody
            await asyncio.sleep(PERIOD)


async def test_each_takes_the_first_name_that_is_free(database: Engine) -> None:
    async with process(database) as first:
        async with process(database) as second, process(database) as third:
            assert [first.me, second.me, third.me] == ["bot", "bot-2", "bot-3"]
        async with process(database) as again:
            assert again.me == "bot-2"


async def test_who_is_gone_is_followed_once_and_forgotten(database: Engine) -> None:
    executors = Executors(database)
    async with process(database) as first, process(database) as second:
        executors.add("gone")
        await until_known(executors, "bot", "bot-2")
        assert first.taken_over + second.taken_over == ["gone"]


async def test_who_lives_is_not_followed(database: Engine) -> None:
    async with process(database) as first, process(database) as second:
        await asyncio.sleep(3 * GRACE)
        assert first.taken_over == second.taken_over == []
        assert not first.lost.is_set()
        assert Executors(database).all() == ["bot", "bot-2"]


async def test_a_restart_of_the_database_takes_no_names_away(database: Engine) -> None:
    async with process(database) as first, process(database) as second:
        for _ in range(3):
            break_connections(database)
            await asyncio.sleep(3 * PERIOD)
        await asyncio.sleep(2 * GRACE)
        assert first.taken_over == second.taken_over == []
        assert not first.lost.is_set()
        assert not second.lost.is_set()


async def test_who_has_lost_the_name_hears_it(database: Engine) -> None:
    thief = open_locks(database)
    async with process(database) as watch:
        # As if this process had been away for long: another one has its name.
        await watch.locks.release(lock_of("bot"))
        assert await thief.try_hold(lock_of("bot"))
        async with asyncio.timeout(10):
            await watch.lost.wait()
    await thief.aclose()


async def test_who_comes_back_while_taken_over_is_known_again(database: Engine) -> None:
    executors = Executors(database)
    async with process(database):
        executors.remove("bot")
        await until_known(executors, "bot")
