"""Somebody sets the clock of the bot's machine: how long something has taken does not depend on it."""

from __future__ import annotations

import pytest

from bot.replies.markers import Stage
from tests.conversations.town import Town

either_way = pytest.mark.parametrize("hours", [5.0, -5.0])


@either_way
async def test_a_duration(town: Town, hours: float) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    town.passes(minutes=3)
    town.clock_is_set(hours=hours)
    town.codegen.finish(1)
    assert (await town.reply(Stage.FINISHED)).startswith("Finished in 3 min: ")


@either_way
@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_duration_across_a_restart(town: Town, hours: float) -> None:
    """The machine's own clock goes on."""
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    await town.stop_bot()
    town.passes(minutes=3)
    town.clock_is_set(hours=hours)
    await town.start_bot()
    await town.until_reply(lambda body: "Working" in body or "Started" in body)
    town.codegen.finish(1)
    assert (await town.reply(Stage.FINISHED)).startswith("Finished in 3 min: ")


@either_way
async def test_a_duration_of_attempts(town: Town, hours: float) -> None:
    await town.says("bob", "/codegen multi-run -n 2 fix it")
    await town.codegen.run_created(2)
    town.codegen.move(1, "EVALUATION")
    await town.reply(Stage.WORKING)
    town.passes(minutes=3)
    town.clock_is_set(hours=hours)
    town.codegen.finish(1, result="One way.")
    town.codegen.finish(2, status="FAILED")
    reply = await town.reply(Stage.FINISHED)
    assert reply.startswith("Finished in 3 min: only attempt 1 of 2 succeeded")
    assert "| 2 | failed | 3 min |" in reply


async def test_a_confirmation_that_comes_in_time(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 9 fix it")
    await town.reply(Stage.ACCEPTED)
    town.clock_is_set(hours=5)
    await town.says("bob", "/codegen confirm")
    await town.codegen.run_created(9)
    for number in range(1, 10):
        town.codegen.finish(number, status="FAILED")
    await town.reply(Stage.FAILED)
    town.read_all()


async def test_a_confirmation_that_does_not_come(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 9 fix it")
    await town.reply(Stage.ACCEPTED)
    town.clock_is_set(hours=-5)
    town.passes(hours=1, minutes=1)
    assert (await town.reply(Stage.REFUSED)).startswith("Nobody confirmed")
