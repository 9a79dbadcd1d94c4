"""The bot is told to stop (SIGTERM) in the middle of everything: it ends soon, and nothing is lost or done twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import SEEDS
from tests.chaos.asks import first_day
from tests.chaos.lives import ask_all, deal, requests
from tests.chaos.process import AS_SERVED, Bot
from tests.chaos.worlds import both_worlds, settled

STOPS = 4
LONGEST_STOP = 10.0
"""Seconds. What is being done may go on for five (`Pace.drain`; two in a hurry), requests to the bot have five to end
(`CONNECTIONS_PATIENCE`), and both are used up only where GitHub or Codegen do not answer. An orchestrator's usual
patience is thirty."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_told_to_stop_it_ends_soon_and_loses_nothing(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    async with both_worlds() as worlds:
        bot = Bot(worlds, tmp_path)
        left = [*first_day()]
        dice.shuffle(left)
        async with bot.telling(seed):
            for life in range(STOPS):
                await bot.start()
                some, left = deal(left, dice, lives=STOPS - life)
                await ask_all(worlds, some)
                await requests(worlds, dice.randint(5, 40))
                assert await bot.stop() < LONGEST_STOP
            await bot.start()
            await ask_all(worlds, left)
            await settled(worlds, seconds=60)
            assert await bot.stop() < LONGEST_STOP
            await worlds.github.idle()
            assert worlds.problems() == []
            assert bot.broken() == []


async def test_a_codegen_that_does_not_answer_does_not_keep_it(tmp_path: Path) -> None:
    """The request under way is given up with the patience, and looked for by the next life."""
    async with both_worlds() as worlds:
        bot = Bot(worlds, tmp_path, module=AS_SERVED)
        async with bot.telling(0):
            await bot.start()
            worlds.codegen.control.fault(path="/agent/run$", method="POST", action="hang", after_work=True, delay=60)
            ask = next(first_day())
            worlds.ask(ask)
            await worlds.codegen.run_created(3)
            assert await bot.stop() < LONGEST_STOP
            await bot.start()
            await settled(worlds, seconds=60)
