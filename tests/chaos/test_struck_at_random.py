"""Processes on one PostgreSQL are killed, frozen and cut off from it at random, while people ask for everything."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from tests.chaos import SEEDS, STRIKES
from tests.chaos.asks import DAYS, Ask
from tests.chaos.lives import ask_all, deal, requests
from tests.chaos.process import IN_A_HURRY
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.connections import Link, all_finished, end_connections
from tests.several import Place, Several, between

pytest_plugins = ["tests.postgresql"]

MOST_REQUESTS = 30
"""That the bot makes between two strikes."""

AT_FAULT = ("command.failed", "step.failed", "command.unanswered")
"""What the bot logs where it is wrong itself."""

Strike = Callable[[str], Awaitable[None]]
"""Happens to the process at an address."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_processes_struck_at_random_lose_nothing_and_do_nothing_twice(seed: int, postgresql_url: str) -> None:
    dice = random.Random(seed)
    async with both_worlds() as worlds, AsyncExitStack() as stack:
        # Links outlive the processes that use them.
        links = await stack.enter_async_context(AsyncExitStack())
        several = await stack.enter_async_context(between(worlds.github, worlds.codegen, postgresql_url))
        pair = Pair(worlds, several, links, postgresql_url, dice)
        await stack.enter_async_context(_missed_deliveries_come_again(worlds))
        try:
            await asyncio.gather(pair.start(), pair.start())
            for number, day in enumerate(DAYS):
                strikes = STRIKES // len(DAYS) + (number < STRIKES % len(DAYS))
                await _bad_day(pair, worlds, [*day()], dice, strikes=strikes)
                await settled(worlds, seconds=90)
            await worlds.github.idle()
            assert worlds.problems() == []
            assert [line for line in several.said if any(words in line for words in AT_FAULT)] == []
            await all_finished(postgresql_url)
        except BaseException as error:
            error.add_note(f"CHAOS_SEED={seed}, strikes: {pair.struck}")
            raise


async def _bad_day(pair: Pair, worlds: Worlds, asks: Sequence[Ask], dice: random.Random, *, strikes: int) -> None:
    """People ask before each strike and while it lasts."""
    left = [*asks]
    dice.shuffle(left)
    for strike in range(strikes):
        some, left = deal(left, dice, lives=strikes - strike)
        early, late = some[: len(some) // 2], some[len(some) // 2 :]
        await ask_all(worlds, early)
        await requests(worlds, dice.randint(1, MOST_REQUESTS))
        await asyncio.gather(pair.strike(), ask_all(worlds, late))
    await ask_all(worlds, left)


@asynccontextmanager
async def _missed_deliveries_come_again(worlds: Worlds) -> AsyncIterator[None]:
    async def each_second() -> None:
        while True:
            await asyncio.sleep(1)
            worlds.redeliver_missed()

    again = asyncio.create_task(each_second())
    try:
        yield
    finally:
        again.cancel()
        with suppress(asyncio.CancelledError):
            await again


class Pair:
    """Two processes, each with its own link to the database; one that ends by a strike has a successor.

    :param links: their context
    """

    def __init__(
        self, worlds: Worlds, several: Several, links: AsyncExitStack, database_url: str, dice: random.Random
    ) -> None:
        self._worlds = worlds
        self._several = several
        self._context = links
        self._database_url = database_url
        self._dice = dice
        self._links: dict[str, Link] = {}
        self._strikes = self._in_turn()
        self.struck: list[str] = []

    async def start(self) -> None:
        link = await self._context.enter_async_context(Link(self._database_url).serving())
        (url,) = await self._several.start(1, module=IN_A_HURRY, place=Place(link.url))
        self._links[url] = link

    async def strike(self) -> None:
        # A short pause of a process may outlast the lease on a busy machine; then it has ended by itself.
        for url, process in [*self._several.processes.items()]:
            if process.returncode is not None:
                assert await self._several.ended(url) == 0
                await self.start()
        strike = next(self._strikes)
        self.struck.append(strike.__name__)
        await strike(self._dice.choice([*self._several.processes]))

    def _in_turn(self) -> Iterator[Strike]:
        """Each kind once, first those by which a process ends; then at random."""
        ends, passes = [self.kill, self.freeze, self.cut], [self.pause, self.interrupt, self.disconnect]
        yield from self._dice.sample(ends, len(ends))
        yield from self._dice.sample(passes, len(passes))
        while True:
            yield self._dice.choice([*ends, *passes])

    async def kill(self, url: str) -> None:
        await asyncio.gather(self._several.kill(url), self.start())

    async def freeze(self, url: str) -> None:
        """Until another process has the work; then it goes on, and has to end."""
        self._several.freeze(url)
        await asyncio.gather(self._several.replaced(url), self.start())
        assert await self._several.thaw(url) == 0

    async def cut(self, url: str) -> None:
        """The same with its link; meanwhile it can still reach both worlds."""
        self._links[url].cut()
        self._several.balancer.behind.remove(url)
        await asyncio.gather(self._several.replaced(url), self.start())
        self._links[url].heal()
        assert await self._several.ended(url) == 0

    async def pause(self, url: str) -> None:
        """A freeze shorter than the lease: it goes on as if nothing had been."""
        self._several.freeze(url)
        await requests(self._worlds, self._dice.randint(1, MOST_REQUESTS))
        self._several.wake(url)

    async def interrupt(self, url: str) -> None:
        """A cut shorter than the lease."""
        self._links[url].cut()
        await requests(self._worlds, self._dice.randint(1, MOST_REQUESTS))
        self._links[url].heal()

    async def disconnect(self, _url: str) -> None:
        """All connections of all processes end."""
        await asyncio.to_thread(end_connections, self._database_url)
