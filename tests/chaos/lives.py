"""What the tests with several process lives share: who gives which command when, and when a life ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from tests.chaos.asks import Ask
from tests.chaos.worlds import Worlds

LONGEST_LIFE = 1.0
"""Seconds, where nothing is left to do."""


def deal(asks: list[Ask], dice: random.Random, *, lives: int) -> tuple[list[Ask], list[Ask]]:
    """What is asked for in the next life, and what is left for those after it."""
    count = min(len(asks), dice.randint(0, 2 * len(asks) // lives + 1))
    return asks[:count], asks[count:]


async def ask_all(worlds: Worlds, asks: Sequence[Ask]) -> None:
    for ask in asks:
        worlds.ask(ask)
        await asyncio.sleep(0)


async def requests(worlds: Worlds, count: int) -> None:
    """Waits until the bot has made so many requests more, in the middle of whatever it is doing then."""
    until = worlds.requests + count
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_LIFE), asyncio.TaskGroup() as group:
            for world in (worlds.github, worlds.codegen):
                group.create_task(world.until(lambda: worlds.requests >= until))
