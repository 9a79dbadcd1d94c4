"""The bot is killed without warning, again and again, while users give all kinds of commands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import KILLS, ROUNDS, SEEDS
from tests.chaos.lives import deal, perform_all, requests
from tests.chaos.process import RECOVERING, Bot
from tests.chaos.user_actions import DAYS, UserAction
from tests.chaos.worlds import Worlds, both_worlds, settled
from tests.emulators.github.people import App
from tests.harness import TIMEOUT

IN_STARTING = 0.25
"""The share of kills that come before the bot is up."""

LONGEST_START = 1.2
"""Seconds, on a quiet machine."""

AFTER_TWO_FAILURES = 900.0
"""Seconds. A delivery that failed once more is requested a minute later, then after ten."""

MOST_REQUESTS = 30
"""That the bot makes in one life."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_at_random_moments_nothing_is_lost_or_done_twice(seed: int, tmp_path: Path) -> None:
    async with both_worlds() as worlds:
        await _bad_days(Bot(worlds, tmp_path), worlds, seed, seconds=TIMEOUT)


@pytest.mark.skipif(
    ROUNDS == 1, reason="what fails twice is requested again after a minute, which is long for the suite"
)
@pytest.mark.parametrize("seed", SEEDS[:3])
async def test_bot_requests_missed_deliveries_itself(seed: int, tmp_path: Path) -> None:
    """As an App, whose log of deliveries holds everything."""
    async with both_worlds() as worlds:
        app = {"GITHUB_APP_ID": "1", "GITHUB_PRIVATE_KEY": App().private_pem}
        bot = Bot(worlds, tmp_path, module=RECOVERING, **app)
        await _bad_days(bot, worlds, seed, seconds=AFTER_TWO_FAILURES)


async def _bad_days(bot: Bot, worlds: Worlds, seed: int, *, seconds: float) -> None:
    """:param seconds: until each day has settled"""
    dice = random.Random(seed)
    async with bot.reporting(seed):
        for number, day in enumerate(DAYS):
            kills = KILLS // len(DAYS) + (number < KILLS % len(DAYS))
            await _bad_day(bot, worlds, [*day()], dice, kills=kills)
            await settled(worlds, seconds=seconds)
        await bot.stop()
        await worlds.github.idle()
        assert worlds.problems() == []
        assert bot.broken() == []


async def _bad_day(bot: Bot, worlds: Worlds, actions: Sequence[UserAction], dice: random.Random, *, kills: int) -> None:
    """Users act before and after each kill; the last life goes on until all is settled."""
    left = [*actions]
    dice.shuffle(left)
    for life in range(kills):
        if life or not bot.lives:
            await bot.spawn()
        some, left = deal(left, dice, lives=kills - life)
        early, late = some[: len(some) // 2], some[len(some) // 2 :]
        await perform_all(worlds, early)
        if dice.random() < IN_STARTING:
            await asyncio.sleep(dice.uniform(0.0, LONGEST_START))
            left += late
        else:
            await bot.up()
            await perform_all(worlds, late)
            await requests(worlds, dice.randint(1, MOST_REQUESTS))
        await bot.kill()
    if kills or not bot.lives:
        await bot.start()
    await perform_all(worlds, left)
