"""Processes on one PostgreSQL are killed, frozen and cut off from it at random, while users give all kinds of commands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from tests.chaos import SEEDS, STRIKES
from tests.chaos.lives import deal, perform_all, requests
from tests.chaos.process import FAST_SERVER
from tests.chaos.user_actions import DAYS, UserAction
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.harness.connections import Link, all_finished, end_connections
from tests.harness.replicas import Place, Several, between

MOST_REQUESTS = 30
"""Requests of the bot between two strikes."""

AT_FAULT = ("command.failed", "step.failed", "command.unanswered")
"""The events by which the bot logs a fault of its own."""

Strike = Callable[[str], Awaitable[None]]
"""Happens to the process at an address."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_replicas_under_random_faults_run_each_command_once(seed: int, postgresql_url: str) -> None:
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
                await settled(worlds)
            await worlds.github.idle()
            assert worlds.problems() == []
            assert [line for line in several.said if any(words in line for words in AT_FAULT)] == []
            await all_finished(postgresql_url)
        except BaseException as error:
            error.add_note(f"CHAOS_SEED={seed}, strikes: {pair.struck}")
            raise


async def _bad_day(
    pair: Pair, worlds: Worlds, actions: Sequence[UserAction], dice: random.Random, *, strikes: int
) -> None:
    """Users act before each strike and during it."""
    left = [*actions]
    dice.shuffle(left)
    for strike in range(strikes):
        some, left = deal(left, dice, lives=strikes - strike)
        early, late = some[: len(some) // 2], some[len(some) // 2 :]
        await perform_all(worlds, early)
        await requests(worlds, dice.randint(1, MOST_REQUESTS))
        await asyncio.gather(pair.strike(), perform_all(worlds, late))
    await perform_all(worlds, left)


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
        (url,) = await self._several.start(1, module=FAST_SERVER, place=Place(link.url))
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
        """Until another process has its work; then the process is resumed, and must end."""
        self._several.freeze(url)
        await asyncio.gather(self._several.replaced(url), self.start())
        assert await self._several.thaw(url) == 0

    async def cut(self, url: str) -> None:
        """The same by cutting its link to the database; it can still reach GitHub and Codegen."""
        self._links[url].cut()
        self._several.balancer.behind.remove(url)
        await asyncio.gather(self._several.replaced(url), self.start())
        self._links[url].heal()
        assert await self._several.ended(url) == 0

    async def pause(self, url: str) -> None:
        """A freeze shorter than the lease, after which it continues."""
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
