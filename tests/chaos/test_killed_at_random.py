"""The bot is killed without a warning, again and again, while people ask for everything there is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import KILLS, SEEDS
from tests.chaos.asks import DAYS, Ask
from tests.chaos.lives import ask_all, deal, requests
from tests.chaos.process import Bot
from tests.chaos.worlds import Worlds, both_worlds, settled

IN_STARTING = 0.25
"""The share of kills that come before the bot is up."""

LONGEST_START = 1.2
"""Seconds, on a quiet machine."""

MOST_REQUESTS = 30
"""That the bot makes in one life."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_at_random_moments_nothing_is_lost_or_done_twice(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    async with both_worlds() as worlds:
        bot = Bot(worlds, tmp_path)
        async with bot.telling(seed):
            for number, day in enumerate(DAYS):
                kills = KILLS // len(DAYS) + (number < KILLS % len(DAYS))
                await _bad_day(bot, worlds, [*day()], dice, kills=kills)
                await settled(worlds, seconds=90)
            await bot.stop()
            await worlds.github.idle()
            assert worlds.problems() == []
            assert bot.broken() == []


async def _bad_day(bot: Bot, worlds: Worlds, asks: Sequence[Ask], dice: random.Random, *, kills: int) -> None:
    """People ask, before and after each of the bot's deaths; at last it lives on."""
    left = [*asks]
    dice.shuffle(left)
    for life in range(kills):
        if life or not bot.lives:
            await bot.spawn()
        some, left = deal(left, dice, lives=kills - life)
        early, late = some[: len(some) // 2], some[len(some) // 2 :]
        await ask_all(worlds, early)
        if dice.random() < IN_STARTING:
            await asyncio.sleep(dice.uniform(0.0, LONGEST_START))
            left += late
        else:
            await bot.up()
            await ask_all(worlds, late)
            await requests(worlds, dice.randint(1, MOST_REQUESTS))
        await bot.kill()
    if kills or not bot.lives:
        await bot.start()
    await ask_all(worlds, left)
