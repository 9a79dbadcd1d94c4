"""Who may not, and who can."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World


async def test_refusal_names_who_may_run_the_command(world: World) -> None:
    """The pull request's author has write access, so she is named."""
    comment = await world.comment("carol", "/codegen run fix it")

    assert await world.reply() == snapshot("`carol` needs `write` access for this, and has `read`. Ask `alice`.")
    await world.reacted(comment, "-1")
    assert world.codegen.runs == {}


async def test_refusal_of_author_without_access_names_nobody_else(world: World) -> None:
    """Carol opened the issue; GitHub tells the bot of nobody else."""
    await world.comment("carol", "/codegen run fix it", number=2)

    assert await world.reply(number=2) == snapshot(
        "`carol` needs `write` access for this, and has `read`. Ask someone with that access."
    )


async def test_person_without_role_is_refused(world: World) -> None:
    await world.comment("dave", "/codegen run fix it")

    assert await world.reply() == snapshot("`dave` needs `write` access for this, and has none. Ask `alice`.")


async def test_person_without_role_may_not_read(world: World) -> None:
    await world.comment("dave", "/codegen help")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "`dave` needs `read` access for this, and has none. Ask `alice`."
    )


async def test_bot_is_refused(world: World) -> None:
    world.github.add_bot("renovate[bot]")

    await world.comment("renovate[bot]", "/codegen run merge me")

    assert await world.reply() == snapshot(
        "`renovate[bot]` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. A person with `write` access can."
    )


@pytest.mark.server_only(reason="what a workflow's token writes starts no workflow")
async def test_bot_never_answers_itself(world: World) -> None:
    """Its own replies come back as webhooks; none of them makes it say anything more."""
    await world.comment("alice", "/codegen help")
    await world.reply(Stage.FINISHED)
    for reply in world.bot_comments():
        await world.comment("codegen-bot[bot]", reply.body)
    await world.comment("codegen-bot[bot]", "/codegen run dig deeper")

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
    await world.comment("carol", "/codegen run fix it")

    assert (await world.reply()).startswith("Accepted.")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
