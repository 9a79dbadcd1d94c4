"""`integrations`: what the Codegen organization is connected to."""

from typing import Any

from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


def answer(*integrations: dict[str, Any]) -> dict[str, Any]:
    return {
        "organization_id": 1,
        "organization_name": "Octo | @octo/team",
        "integrations": [*integrations],
        "total_active_integrations": 99,
    }


async def test_integrations_shows_which_are_active(world: World) -> None:
    comment = await world.says("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
1 of 2 integrations of Octo (1) is active.

| integration | active |
| --- | --- |
| `github` | yes |
| `slack` | no |\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_nothing_but_name_and_state_is_reported(world: World) -> None:
    """Metadata, tokens and installations are nobody's business on a thread. What is active comes first."""
    linear = {"integration_type": "linear", "active": False, "token_id": 41, "metadata": {"key": "lin_hunter2"}}
    odd = {"integration_type": "`x`|\n/codegen run it", "active": True, "installation_id": 42}
    world.codegen.control.fault(path="/integrations$", status=200, body=answer(linear, odd))

    await world.says("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
1 of 2 integrations of Octo | @\u200bocto/team (1) is active.

| integration | active |
| --- | --- |
| `` `x`\\| `` | yes |
| `linear` | no |\
""")


async def test_where_nothing_is_connected(world: World) -> None:
    world.codegen.control.fault(path="/integrations$", status=200, body=answer())

    await world.says("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "Octo | @\u200bocto/team (1) is connected to nothing yet: Codegen's settings do that."
    )


async def test_a_reader_may_not(world: World) -> None:
    await world.says("carol", "/codegen integrations")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` may not do this here: it takes `write` access")


async def test_codegen_gives_a_broken_answer(world: World) -> None:
    world.codegen.control.fault(path="/integrations$", times=None, action="truncate")

    await world.says("bob", "/codegen integrations")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen has a fault of its own, and trying again did not help")


async def test_a_flag_that_is_none(world: World) -> None:
    await world.says("bob", "/codegen integrations --all")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--all` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen integrations`"
    )
