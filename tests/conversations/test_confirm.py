"""`confirm`: a large multi-run waits for a second word of whoever asked for it."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town


async def test_a_large_multi_run_waits_for_a_second_word(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 6 try it")
    assert await town.reply() == snapshot(
        "6 attempts are many here, so they need a confirmation by `bob`: a thumbs-up on this comment, or `/codegen confirm`. After an hour it is too late."
    )
    assert town.codegen.runs == {}

    await town.says("alice", "/codegen confirm")
    assert await town.reply(Stage.REFUSED) == snapshot(
        "Nothing of `alice` waits here for a confirmation: only who asked can give it, within an hour."
    )

    await town.says("bob", "/codegen confirm")
    await town.codegen.run_created(6)
    for number in range(1, 7):
        town.codegen.fail(number)
    await town.settled(3)
    bodies = [comment.body for comment in town.read_all()]
    assert bodies[0].startswith("None of the 6 attempts succeeded.")
    assert bodies[2].partition("\n\n<!--")[0] == snapshot("Confirmed; its own comment shows how it goes on.")


async def test_a_thumbs_up_of_the_asker_confirms(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 6 try it")
    await town.reply(Stage.ACCEPTED)
    [waiting] = town.bot_comments()
    world = town.github.world

    world.react(waiting.reactions, world.accounts["alice"], "+1")
    looks = len(town.requests("GET", f"/comments/{waiting.id}/reactions"))
    await town.github.until(lambda: len(town.requests("GET", f"/comments/{waiting.id}/reactions")) > looks + 2)
    assert town.codegen.runs == {}

    world.react(waiting.reactions, world.accounts["bob"], "+1")
    await town.codegen.run_created(6)
    for number in range(1, 7):
        town.codegen.fail(number)
    assert (await town.reply(Stage.FAILED)).startswith("None of the 6 attempts succeeded.")


async def test_without_a_second_word_nothing_is_started(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 6 try it")
    await town.reply(Stage.ACCEPTED)

    town.passes(hours=1)

    assert await town.reply(Stage.REFUSED) == snapshot("""\
Nobody confirmed the 6 attempts within an hour, so none was started.

Next: give the command again.\
""")
    assert town.codegen.runs == {}
    await town.says("bob", "/codegen confirm")
    assert (await town.reply(Stage.REFUSED)).startswith("Nothing of `bob` waits here")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_while_it_waits_is_not_noticed(town: Town) -> None:
    await town.says("bob", "/codegen multi-run -n 6 try it")
    await town.reply(Stage.ACCEPTED)

    await town.restart_bot()
    await town.says("bob", "/codegen confirm")
    await town.codegen.run_created(6)
    for number in range(1, 7):
        town.codegen.fail(number)

    await town.settled(2)
    assert len(town.read_all()) == 2


async def test_the_config_says_what_is_large(town: Town) -> None:
    town.github.world.files["main", ".github/codegen-bot.yml"] = "budgets: {confirm-multi-run-above: 20}"
    await town.says("bob", "/codegen multi-run -n 6 try it")
    await town.codegen.run_created(6)
    for number in range(1, 7):
        town.codegen.fail(number)

    await town.reply(Stage.FAILED)


async def test_a_reader_may_not(town: Town) -> None:
    await town.says("carol", "/codegen confirm")

    assert (await town.reply(Stage.REFUSED)).startswith("`carol` may not do this here")
