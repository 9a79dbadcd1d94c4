"""The bot is killed without a warning, again and again, while people ask for everything there is."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import KILLS, ROUNDS, SEEDS
from tests.chaos.asks import DAYS, Ask
from tests.chaos.lives import ask_all, deal, requests
from tests.chaos.process import RECOVERING, Bot
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.emulator.github.people import App

IN_STARTING = 0.25
"""The share of kills that come before the bot is up."""

LONGEST_START = 1.2
"""Seconds, on a quiet machine."""

AFTER_TWO_FAILURES = 900.0
"""Seconds. A delivery that failed once more is asked for a minute later, then ten."""

MOST_REQUESTS = 30
"""That the bot makes in one life."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_at_random_moments_nothing_is_lost_or_done_twice(seed: int, tmp_path: Path) -> None:
    async with both_worlds() as worlds:
        await _bad_days(Bot(worlds, tmp_path), worlds, seed, patience=90)


@pytest.mark.skipif(
    ROUNDS == 1, reason="what fails twice is asked for again after a minute, which is long for the suite"
)
@pytest.mark.parametrize("seed", SEEDS[:3])
async def test_what_was_missed_meanwhile_is_asked_for_by_the_bot_itself(seed: int, tmp_path: Path) -> None:
    """As an App, whose log of deliveries holds everything."""
    async with both_worlds() as worlds:
        app = {"GITHUB_APP_ID": "1", "GITHUB_PRIVATE_KEY": App().private_pem}
        bot = Bot(worlds, tmp_path, module=RECOVERING, **app)
        await _bad_days(bot, worlds, seed, patience=AFTER_TWO_FAILURES)


async def _bad_days(bot: Bot, worlds: Worlds, seed: int, *, patience: float) -> None:
    """:param patience: seconds for each day's end"""
    dice = random.Random(seed)
    async with bot.telling(seed):
        for number, day in enumerate(DAYS):
            kills = KILLS // len(DAYS) + (number < KILLS % len(DAYS))
            await _bad_day(bot, worlds, [*day()], dice, kills=kills)
            await settled(worlds, seconds=patience)
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
