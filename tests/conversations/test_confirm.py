"""`confirm`: a large multi-run waits for a second word of whoever asked for it."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_large_multi_run_waits_for_confirmation(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 6 try it")
    assert await world.reply() == snapshot(
        "6 attempts is above this repository's limit of 5. `bob`, react to this comment with a thumbs-up or write `/codegen confirm` within an hour."
    )
    assert world.codegen.runs == {}

    await world.comment("alice", "/codegen confirm")
    assert await world.reply(Stage.REFUSED) == snapshot(
        "`alice` has nothing to confirm here: only the author of a command can confirm it, within an hour."
    )

    await world.comment("bob", "/codegen confirm")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)
    await world.settled(3)
    bodies = [comment.body for comment in world.read_all()]
    assert bodies[0].startswith("None of the 6 attempts succeeded.")
    assert bodies[2].partition("\n\n<!--")[0] == snapshot("Confirmed; the command's own comment shows its progress.")


async def test_thumbs_up_of_the_asker_confirms(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 6 try it")
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


async def test_unconfirmed_multi_run_starts_nothing(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 6 try it")
    await world.reply(Stage.ACCEPTED)

    world.advance(hours=1)

    assert await world.reply(Stage.REFUSED) == snapshot("""\
The multi-run of 6 attempts was not confirmed within an hour, so none was started.

Next: give the command again.\
""")
    assert world.codegen.runs == {}
    await world.comment("bob", "/codegen confirm")
    assert (await world.reply(Stage.REFUSED)).startswith("`bob` has nothing to confirm here")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_while_it_waits_is_not_noticed(world: World) -> None:
    await world.comment("bob", "/codegen multi-run -n 6 try it")
    await world.reply(Stage.ACCEPTED)

    await world.restart_bot()
    await world.comment("bob", "/codegen confirm")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)

    await world.settled(2)
    assert len(world.read_all()) == 2


async def test_config_says_what_is_large(world: World) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = "budgets: {confirm-multi-run-above: 20}"
    await world.comment("bob", "/codegen multi-run -n 6 try it")
    await world.codegen.run_created(6)
    for number in range(1, 7):
        world.codegen.fail(number)

    await world.reply(Stage.FAILED)


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen confirm")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `")
