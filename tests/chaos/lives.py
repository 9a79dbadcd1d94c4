"""Shared by the tests with several process lives: which actions happen in which life, and when a life ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from tests.chaos.user_actions import UserAction
from tests.chaos.worlds import Worlds

LONGEST_LIFE = 1.0
"""Seconds, if nothing is left to do."""


def deal(actions: list[UserAction], dice: random.Random, *, lives: int) -> tuple[list[UserAction], list[UserAction]]:
    """The actions of the next life, and those left for later ones."""
    count = min(len(actions), dice.randint(0, 2 * len(actions) // lives + 1))
    return actions[:count], actions[count:]


async def perform_all(worlds: Worlds, actions: Sequence[UserAction]) -> None:
    for action in actions:
        worlds.perform(action)
        await asyncio.sleep(0)


async def requests(worlds: Worlds, count: int) -> None:
    """Waits until the bot has made so many more requests, whatever it is doing then."""
    until = worlds.requests + count
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_LIFE), asyncio.TaskGroup() as group:
            for world in (worlds.github, worlds.codegen):
                group.create_task(world.until(lambda: worlds.requests >= until))
