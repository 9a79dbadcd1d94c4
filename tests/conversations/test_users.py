"""`users`: the people of the Codegen organization, never with their addresses."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


def person(number: int, **fields: Any) -> dict[str, Any]:
    """As Codegen tells of somebody."""
    return {
        "id": number,
        "github_user_id": "1",
        "github_username": f"user{number}",
        "email": "secret@example.com",
        **fields,
    }


def page(people: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": people, "total": len(people), "page": 1, "size": 100, "pages": 1}


async def test_users_shows_the_organizations_people(world: World) -> None:
    comment = await world.comment("bob", "/codegen users")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
3 users in Codegen's organization 1.

| number | on GitHub | name | role |
| --- | --- | --- | --- |
| 1 | `alice` | Alice | `ADMIN` |
| 2 | `bob` | Bob | `MEMBER` |
| 3 | `carol` | Carol | `MEMBER` |\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_users_shows_one_of_them(world: World) -> None:
    await world.comment("bob", "/codegen users 2")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "User 2 is `bob` (Bob) in Codegen's organization 1, with the role `MEMBER`."
    )


@either_entry_point
async def test_nothing_that_people_call_themselves_does_harm(world: World) -> None:
    people = [
        person(1, full_name="a | b \\| [c](javascript:x)", role="x`y|z"),
        person(2, full_name="mallory@example.com", is_admin=True),
        person(3, full_name="two\nlines /codegen run it"),
        person(4, full_name=None, role=None, is_admin=None),
    ]
    world.codegen.control.fault(path="/users$", status=200, body=page(people))

    await world.comment("bob", "/codegen users")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
4 users in Codegen's organization 1.

| number | on GitHub | name | role |
| --- | --- | --- | --- |
| 1 | `user1` | a \\| b \\\\\\| [c]\\(javascript:x) | ``x`y\\|z`` |
| 2 | `user2` |  | `ADMIN` |
| 3 | `user3` | two |  |
| 4 | `user4` |  |  |\
""")


@either_entry_point
async def test_long_list_is_cut(world: World) -> None:
    world.codegen.control.fault(path="/users$", status=200, body=page([person(each) for each in range(1, 131)]))

    await world.comment("bob", "/codegen users")

    text = await world.reply(Stage.FINISHED)
    assert text.startswith("130 users in Codegen's organization 1.")
    assert text.endswith("| 100 | `user100` |  |  |\n\n… and 30 more.")


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen users")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `write` access for this")


@either_entry_point
async def test_unknown_user_is_reported(world: World) -> None:
    """Heidi is in another organization."""
    await world.comment("bob", "/codegen users 4")

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen did not find it (404).

> User 4 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.\
""")


@either_entry_point
async def test_fault_of_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/users$", times=None)

    await world.comment("bob", "/codegen users")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen failed, and retrying did not help")


@either_entry_point
@pytest.mark.parametrize("words", ["bob", "0", "2 3", "-1"])
async def test_invalid_input_is_reported(world: World, words: str) -> None:
    await world.comment("bob", f"/codegen users {words}")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "`users` takes Codegen's number of a user and nothing else. For example: `/codegen users 2`"
    )
