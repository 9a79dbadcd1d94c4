"""Somebody sets the clock of the bot's machine: how long something has taken does not depend on it."""

from __future__ import annotations

import pytest

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point

either_way = pytest.mark.parametrize("hours", [5.0, -5.0])


@either_entry_point
@either_way
async def test_duration(world: World, hours: float) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.advance(minutes=3)
    world.set_clock(hours=hours)
    world.codegen.finish(1)
    assert (await world.reply(Stage.FINISHED)).startswith("Finished in 3 min: ")


@either_way
@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_duration_across_a_restart(world: World, hours: float) -> None:
    """The machine's own clock goes on."""
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    await world.stop_bot()
    world.advance(minutes=3)
    world.set_clock(hours=hours)
    await world.start_bot()
    await world.until_reply(lambda body: "Working" in body or "Started" in body)
    world.codegen.finish(1)
    assert (await world.reply(Stage.FINISHED)).startswith("Finished in 3 min: ")


@either_entry_point
@either_way
async def test_duration_of_attempts(world: World, hours: float) -> None:
    await world.comment("bob", "/codegen multi-run -n 2 fix it")
    await world.codegen.run_created(2)
    world.codegen.move(1, "EVALUATION")
    await world.reply(Stage.WORKING)
    world.advance(minutes=3)
    world.set_clock(hours=hours)
    world.codegen.finish(1, result="One way.")
    world.codegen.finish(2, status="FAILED")
    reply = await world.reply(Stage.FINISHED)
    assert reply.startswith("Finished in 3 min: only attempt 1 of 2 succeeded")
    assert "| 2 | failed | 3 min |" in reply


async def test_confirmation_that_comes_in_time(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 9 fix it")
    await world.reply(Stage.ACCEPTED)
    world.set_clock(hours=5)
    await world.comment("bob", "/codegen confirm")
    await world.codegen.run_created(9)
    for number in range(1, 10):
        world.codegen.finish(number, status="FAILED")
    # The multi-run's reply and that to the confirmation, in either order.
    await world.settled(2)
    assert world.read_all()[0].body.startswith("None of the 9 attempts succeeded.")


async def test_confirmation_that_does_not_come(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 9 fix it")
    await world.reply(Stage.ACCEPTED)
    world.set_clock(hours=-5)
    world.advance(hours=1, minutes=1)
    assert (await world.reply(Stage.REFUSED)).startswith("The multi-run of 9 attempts was not confirmed")
