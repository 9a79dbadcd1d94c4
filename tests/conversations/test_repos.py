"""`repos`: the repositories that Codegen knows, with their numbers."""

from typing import Any

from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def repository(number: int, full_name: str, **fields: Any) -> dict[str, Any]:
    """As Codegen tells of one."""
    return {
        "id": number,
        "name": full_name.rpartition("/")[2],
        "full_name": full_name,
        "description": "@octo/team, look",
        "github_id": "1",
        "organization_id": 1,
        "visibility": None,
        "archived": None,
        "setup_status": "",
        "language": None,
        **fields,
    }


def page(repositories: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": repositories, "total": len(repositories), "page": 1, "size": 100, "pages": 1}


async def test_repos_shows_what_codegen_knows(world: World) -> None:
    comment = await world.comment("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen knows 2 repositories; this one is number 101.

| number | repository | language | visibility | set-up |
| --- | --- | --- | --- | --- |
| 101 | `octo/shop` (here) | `Python` | `private` | `COMPLETED` |
| 102 | `octo/docs` | `Python` | `private` | `COMPLETED` |\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_this_repository_stands_first(world: World) -> None:
    """Whatever its letters' case, and even where the list is cut."""
    known = [repository(each, f"octo/lib{each}", archived=each == 1) for each in range(1, 121)]
    world.codegen.control.fault(path="/repos$", status=200, body=page([*known, repository(500, "Octo/Shop")]))

    await world.comment("bob", "/codegen repos")

    lines = (await world.reply(Stage.FINISHED)).splitlines()
    assert [*lines[:6], *lines[-3:]] == snapshot(
        [
            "Codegen knows 121 repositories; this one is number 500.",
            "",
            "| number | repository | language | visibility | set-up |",
            "| --- | --- | --- | --- | --- |",
            "| 500 | `Octo/Shop` (here) |  |  |  |",
            "| 1 | `octo/lib1` (archived) |  |  |  |",
            "| 99 | `octo/lib99` |  |  |  |",
            "",
            "… and 21 more.",
        ]
    )


@either_entry_point
async def test_repository_unknown_to_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/repos$", status=200, body=page([repository(7, "octo/docs")]))

    await world.comment("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen knows 1 repository, but not `octo/shop`: add it in Codegen's settings.

| number | repository | language | visibility | set-up |
| --- | --- | --- | --- | --- |
| 7 | `octo/docs` |  |  |  |\
""")


@either_entry_point
async def test_where_codegen_knows_none(world: World) -> None:
    world.codegen.control.fault(path="/repos$", status=200, body=page([]))

    await world.comment("bob", "/codegen repos")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "Codegen knows no repository yet: add them in Codegen's settings."
    )


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen repos")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_refusal_by_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/repos$", times=None, status=403)

    await world.comment("bob", "/codegen repos")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen does not let the bot do this (403).")


@either_entry_point
async def test_unknown_flag_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen repos --limit 5")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "There is no flag `--limit` here. If it belongs to the prompt, put `--` before the prompt. For example: `/codegen repos`"
    )
