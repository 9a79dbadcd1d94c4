"""Who may not, and who can."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


async def test_a_reader_is_told_who_can(world: World) -> None:
    """The pull request's author has write access, so she is named."""
    comment = await world.says("carol", "/codegen run fix it")

    assert await world.reply() == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. `alice` can."
    )
    await world.reacted(comment, "-1")
    assert world.codegen.runs == {}


async def test_an_author_without_write_access_names_nobody(world: World) -> None:
    """Carol opened the issue; GitHub tells the bot of nobody else."""
    await world.says("carol", "/codegen run fix it", number=2)

    assert await world.reply(number=2) == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. Somebody with it can."
    )


async def test_somebody_without_any_role(world: World) -> None:
    await world.says("dave", "/codegen run fix it")

    assert await world.reply() == snapshot(
        "`dave` may not do this here: it takes `write` access, and `dave` has none. `alice` can."
    )


async def test_somebody_without_any_role_may_not_even_read(world: World) -> None:
    await world.says("dave", "/codegen help")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "`dave` may not do this here: it takes `read` access, and `dave` has none. `alice` can."
    )


async def test_a_bot_is_refused(world: World) -> None:
    world.github.add_bot("renovate[bot]")

    await world.says("renovate[bot]", "/codegen run merge me")

    assert await world.reply() == snapshot(
        "`renovate[bot]` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. A person with `write` access can."
    )


@pytest.mark.server_only(reason="what a workflow's token writes starts no workflow")
async def test_the_bot_never_answers_itself(world: World) -> None:
    """Its own replies come back as webhooks; none of them makes it say anything more."""
    await world.says("alice", "/codegen help")
    await world.reply(Stage.FINISHED)
    for reply in world.bot_comments():
        await world.says("codegen-bot[bot]", reply.body)
    await world.says("codegen-bot[bot]", "/codegen run dig deeper")

    await world.reply(Stage.FINISHED)
    assert (await world.reply()).startswith("/codegen run dig deeper")
    assert await world.reply() == snapshot(
        "`codegen-bot[bot]` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. A person with `write` access can."
    )
    assert world.codegen.runs == {}
    assert len(world.bot_comments()) == 4


async def test_what_the_comment_says_of_its_author_counts_for_nothing(world: World) -> None:
    """GitHub's permissions are asked for, not the payload's author_association."""
    world.github.world.accounts["carol"].role = "write"
    await world.says("carol", "/codegen run fix it")

    assert (await world.reply()).startswith("Accepted.")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
