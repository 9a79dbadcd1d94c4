"""`orgs`: the Codegen organizations that the bot's token sees."""

from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_orgs_shows_what_the_token_sees(world: World) -> None:
    comment = await world.comment("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
The bot's token can see 1 organization at Codegen; the bot works for Octo (1).

| number | name | agents open pull requests | rules are detected |
| --- | --- | --- | --- |
| 1 | Octo | yes | yes |\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_orgs_of_a_token_that_sees_several(world: World) -> None:
    """The bot works for one of them."""
    world.settings["codegen_api_token"] = "sk-both"
    await world.restart_bot()

    await world.comment("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
The bot's token can see 2 organizations at Codegen; the bot works for Octo (1).

| number | name | agents open pull requests | rules are detected |
| --- | --- | --- | --- |
| 1 | Octo | yes | yes |
| 2 | Hexa | yes | yes |\
""")


@either_entry_point
async def test_organization_invisible_to_token_is_reported(world: World) -> None:
    world.settings["codegen_org_id"] = 2
    await world.restart_bot()

    await world.comment("bob", "/codegen orgs")

    assert (await world.reply(Stage.FINISHED)).splitlines()[0] == snapshot(
        "The bot's token can see 1 organization at Codegen; the bot works for organization 2, which is not among them."
    )


@either_entry_point
async def test_token_that_sees_none(world: World) -> None:
    nothing = {"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    world.codegen.control.fault(path="/organizations$", status=200, body=nothing)

    await world.comment("bob", "/codegen orgs")

    assert await world.reply(Stage.FINISHED) == snapshot("The bot's token can see no organization at Codegen.")


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen orgs")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_codegen_does_not_know_the_token(world: World) -> None:
    world.codegen.control.fault(path="/organizations$", times=None, status=401, body={"message": "Token expired."})

    await world.comment("bob", "/codegen orgs")

    assert (await world.reply(Stage.FAILED)).startswith(
        "`CODEGEN_API_TOKEN` is invalid: Codegen does not accept it (401)."
    )


@either_entry_point
async def test_unknown_flag_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen orgs --all")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--all` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen orgs`"
    )
