"""Who may not, and who can."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town


async def test_a_reader_is_told_who_can(town: Town) -> None:
    """The pull request's author has write access, so she is named."""
    comment = await town.says("carol", "/codegen run fix it")

    assert await town.reply() == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. `alice` can."
    )
    await town.reacted(comment, "-1")
    assert town.codegen.runs == {}


async def test_an_author_without_write_access_names_nobody(town: Town) -> None:
    """Carol opened the issue; GitHub tells the bot of nobody else."""
    await town.says("carol", "/codegen run fix it", number=2)

    assert await town.reply(number=2) == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. Somebody with it can."
    )


async def test_somebody_without_any_role(town: Town) -> None:
    await town.says("dave", "/codegen run fix it")

    assert await town.reply() == snapshot(
        "`dave` may not do this here: it takes `write` access, and `dave` has none. `alice` can."
    )


async def test_somebody_without_any_role_may_not_even_read(town: Town) -> None:
    await town.says("dave", "/codegen help")

    assert await town.reply(Stage.REFUSED) == snapshot(
        "`dave` may not do this here: it takes `read` access, and `dave` has none. `alice` can."
    )


async def test_a_bot_is_refused(town: Town) -> None:
    town.github.add_bot("renovate[bot]")

    await town.says("renovate[bot]", "/codegen run merge me")

    assert await town.reply() == snapshot(
        "`renovate[bot]` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. A person with `write` access can."
    )


@pytest.mark.server_only(reason="what a workflow's token writes starts no workflow")
async def test_the_bot_never_answers_itself(town: Town) -> None:
    """Its own replies come back as webhooks; none of them makes it say anything more."""
    await town.says("alice", "/codegen help")
    await town.reply(Stage.FINISHED)
    for reply in town.bot_comments():
        await town.says("codegen-bot[bot]", reply.body)
    await town.says("codegen-bot[bot]", "/codegen run dig deeper")

    await town.reply(Stage.FINISHED)
    assert (await town.reply()).startswith("/codegen run dig deeper")
    assert await town.reply() == snapshot(
        "`codegen-bot[bot]` is a bot, and bots may not give commands here unless `allowed-bots` in the config file names them. A person with `write` access can."
    )
    assert town.codegen.runs == {}
    assert len(town.bot_comments()) == 4


async def test_what_the_comment_says_of_its_author_counts_for_nothing(town: Town) -> None:
    """GitHub's permissions are asked for, not the payload's author_association."""
    town.github.world.accounts["carol"].role = "write"
    await town.says("carol", "/codegen run fix it")

    assert (await town.reply()).startswith("Accepted.")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
