"""`confirm`: a large multi-run waits for a second word of whoever asked for it."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


async def test_a_large_multi_run_waits_for_a_second_word(world: World) -> None:
    await world.says("bob", "/codegen multi-run -n 6 try it")
    assert await world.reply() == snapshot(
        "6 attempts are many here, so they need a confirmation by `bob`: a thumbs-up on this comment, or `/codegen confirm`. After an hour it is too late."
    )
    assert world.codegen.runs == {}

    await world.says("alice", "/codegen confirm")
    assert await world.reply(Stage.REFUSED) == snapshot(
        "Nothing of `alice` waits here for a confirmation: only who asked can give it, within an hour."
    )

    await world.says("bob", "/codegen confirm")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)
    await world.settled(3)
    bodies = [comment.body for comment in world.read_all()]
    assert bodies[0].startswith("None of the 6 attempts succeeded.")
    assert bodies[2].partition("\n\n<!--")[0] == snapshot("Confirmed; its own comment shows how it goes on.")


async def test_a_thumbs_up_of_the_asker_confirms(world: World) -> None:
    await world.says("bob", "/codegen multi-run -n 6 try it")
    await world.reply(Stage.ACCEPTED)
    [waiting] = world.bot_comments()
    github = world.github.world

    github.react(waiting.reactions, github.accounts["alice"], "+1")
    looks = len(world.requests("GET", f"/comments/{waiting.id}/reactions"))
    await world.github.until(lambda: len(world.requests("GET", f"/comments/{waiting.id}/reactions")) > looks + 2)
    assert world.codegen.runs == {}

    github.react(waiting.reactions, github.accounts["bob"], "+1")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)
    assert (await world.reply(Stage.FAILED)).startswith("None of the 6 attempts succeeded.")


async def test_without_a_second_word_nothing_is_started(world: World) -> None:
    await world.says("bob", "/codegen multi-run -n 6 try it")
    await world.reply(Stage.ACCEPTED)

    world.passes(hours=1)

    assert await world.reply(Stage.REFUSED) == snapshot("""\
Nobody confirmed the 6 attempts within an hour, so none was started.

Next: give the command again.\
""")
    assert world.codegen.runs == {}
    await world.says("bob", "/codegen confirm")
    assert (await world.reply(Stage.REFUSED)).startswith("Nothing of `bob` waits here")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_while_it_waits_is_not_noticed(world: World) -> None:
    await world.says("bob", "/codegen multi-run -n 6 try it")
    await world.reply(Stage.ACCEPTED)

    await world.restart_bot()
    await world.says("bob", "/codegen confirm")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)

    await world.settled(2)
    assert len(world.read_all()) == 2


async def test_the_config_says_what_is_large(world: World) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = "budgets: {confirm-multi-run-above: 20}"
    await world.says("bob", "/codegen multi-run -n 6 try it")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)

    await world.reply(Stage.FAILED)


async def test_a_reader_may_not(world: World) -> None:
    await world.says("carol", "/codegen confirm")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` may not do this here")
