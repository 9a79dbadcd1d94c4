"""SIGTERM at any moment: the process ends soon, and nothing is lost or done twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import SEEDS
from tests.chaos.lives import deal, perform_all, requests
from tests.chaos.process import AS_SERVED, Bot
from tests.chaos.user_actions import first_day
from tests.chaos.worlds import both_worlds, settled

STOPS = 4
LONGEST_STOP = 30.0
"""Seconds that an orchestrator usually waits. Running work has five of them (`Timing.drain`), requests to the bot five
more; both are used up only if GitHub or Codegen does not respond."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_sigterm_ends_process_soon_and_loses_nothing(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    async with both_worlds() as worlds:
        bot = Bot(worlds, tmp_path)
        left = [*first_day()]
        dice.shuffle(left)
        async with bot.reporting(seed):
            for life in range(STOPS):
                await bot.start()
                some, left = deal(left, dice, lives=STOPS - life)
                await perform_all(worlds, some)
                await requests(worlds, dice.randint(5, 40))
                assert await bot.stop() < LONGEST_STOP
            await bot.start()
            await perform_all(worlds, left)
            await settled(worlds)
            assert await bot.stop() < LONGEST_STOP
            await worlds.github.idle()
            assert worlds.problems() == []
            assert bot.broken() == []


async def test_sigterm_during_a_hanging_request_ends_process_soon(tmp_path: Path) -> None:
    """The request is abandoned after the drain, and its run is found by the next life."""
    async with both_worlds() as worlds:
        bot = Bot(worlds, tmp_path, module=AS_SERVED)
        async with bot.reporting(0):
            await bot.start()
            worlds.codegen.control.fault(path="/agent/run$", method="POST", action="hang", after_work=True, delay=60)
            action = next(first_day())
            worlds.perform(action)
            await worlds.codegen.run_created(3)
            assert await bot.stop() < LONGEST_STOP
            await bot.start()
            await settled(worlds)
