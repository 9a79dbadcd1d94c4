"""`orgs`: the Codegen organizations that the bot's token sees."""

from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


async def test_orgs_shows_what_the_token_sees(world: World) -> None:
    comment = await world.says("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
The bot's token sees 1 organization of Codegen; the bot works for Octo (1).

| number | name | agents open pull requests | rules are detected |
| --- | --- | --- | --- |
| 1 | Octo | yes | yes |\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_orgs_of_a_token_that_sees_several(world: World) -> None:
    """The bot works for one of them."""
    world.settings["codegen_api_token"] = "sk-both"
    await world.restart_bot()

    await world.says("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
The bot's token sees 2 organizations of Codegen; the bot works for Octo (1).

| number | name | agents open pull requests | rules are detected |
| --- | --- | --- | --- |
| 1 | Octo | yes | yes |
| 2 | Hexa | yes | yes |\
""")


async def test_an_organization_that_the_token_does_not_see_is_reported(world: World) -> None:
    world.settings["codegen_org_id"] = 2
    await world.restart_bot()

    await world.says("bob", "/codegen orgs")

    assert (await world.reply(Stage.FINISHED)).splitlines()[0] == snapshot(
        "The bot's token sees 1 organization of Codegen; the bot works for organization 2, which is not among them."
    )


async def test_a_token_that_sees_none(world: World) -> None:
    nothing = {"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    world.codegen.control.fault(path="/organizations$", status=200, body=nothing)

    await world.says("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("The bot's token sees no organization of Codegen.")


async def test_a_reader_may_not(world: World) -> None:
    await world.says("carol", "/codegen orgs")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` may not do this here: it takes `write` access")


async def test_codegen_does_not_know_the_token(world: World) -> None:
    world.codegen.control.fault(path="/organizations$", times=None, status=401, body={"message": "Token expired."})

    await world.says("bob", "/codegen orgs")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen does not accept the bot's token (401).")


async def test_a_flag_that_is_none(world: World) -> None:
    await world.says("bob", "/codegen orgs --all")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--all` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen orgs`"
    )
