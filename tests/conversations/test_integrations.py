"""`integrations`: what the Codegen organization is connected to."""

from typing import Any

from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def answer(*integrations: dict[str, Any]) -> dict[str, Any]:
    return {
        "organization_id": 1,
        "organization_name": "Octo | @octo/team",
        "integrations": [*integrations],
        "total_active_integrations": 99,
    }


async def test_integrations_shows_which_are_active(world: World) -> None:
    comment = await world.comment("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
1 of 2 integrations of Octo (1) is active.

| integration | active |
| --- | --- |
| `github` | yes |
| `slack` | no |\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_nothing_but_name_and_state_is_reported(world: World) -> None:
    """Metadata, tokens and installations are nobody's business on a thread. What is active comes first."""
    linear = {"integration_type": "linear", "active": False, "token_id": 41, "metadata": {"key": "lin_hunter2"}}
    odd = {"integration_type": "`x`|\n/codegen run it", "active": True, "installation_id": 42}
    world.codegen.control.fault(path="/integrations$", status=200, body=answer(linear, odd))

    await world.comment("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
1 of 2 integrations of Octo | @\u200bocto/team (1) is active.

| integration | active |
| --- | --- |
| `` `x`\\| `` | yes |
| `linear` | no |\
""")


@either_entry_point
async def test_where_nothing_is_connected(world: World) -> None:
    world.codegen.control.fault(path="/integrations$", status=200, body=answer())

    await world.comment("bob", "/codegen integrations")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "Octo | @\u200bocto/team (1) has no integrations yet: add them in Codegen's settings."
    )


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen integrations")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_codegen_gives_a_broken_answer(world: World) -> None:
    world.codegen.control.fault(path="/integrations$", times=None, action="truncate")

    await world.comment("bob", "/codegen integrations")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen failed, and retrying did not help")


@either_entry_point
async def test_unknown_flag_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen integrations --all")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--all` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen integrations`"
    )
