"""What somebody without write access gets who gives many commands, and that nobody else waits for it."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.emulators.github import Comment
from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point

TWENTY = "\n".join(f"/codegen run number {number}" for number in range(20))

by_the_database = pytest.mark.server_only(reason="a job counts on its own thread only")


async def flood(world: World, count: int, text: str = TWENTY, *, login: str = "carol") -> list[Comment]:
    """Somebody writes so many comments; all their commands are through when it returns."""
    comments = [await world.comment(login, text) for _ in range(count)]
    await world.github.until(lambda: all(each.reactions for each in comments))
    return comments


def replies_to(world: World, comments: list[Comment]) -> list[int]:
    """How many replies each has."""
    world.read_all()
    return [sum(f"-{each.id}-" in reply.body for reply in world.bot_comments()) for each in comments]


def reactions_to(comments: list[Comment]) -> list[list[str]]:
    return [[reaction.content for reaction in each.reactions] for each in comments]


async def test_comment_of_twenty_refused_commands_gets_one_reply(world: World) -> None:
    comment = await world.comment("carol", TWENTY)

    assert await world.reply(Stage.REFUSED) == snapshot(
        "`carol` needs `write` access for this, and has `read`. Ask `alice`. Other refused commands of the same comment get no reply of their own."
    )
    await world.until_done(20 if world.entry_point == "server" else 1)
    assert reactions_to([comment]) == [["-1"]]
    assert len(world.bot_comments()) == 1
    assert len(world.requests("GET", "/collaborators/carol/permission")) == 1


async def test_after_three_refusals_there_are_reactions_only(world: World) -> None:
    comments = []
    for _ in range(6):
        comments += await flood(world, 1)

    assert replies_to(world, comments) == [1, 1, 1, 0, 0, 0]
    assert reactions_to(comments) == [["-1"]] * 6
    await world.comment("bob", "/codegen help help")
    await world.reply(Stage.FINISHED)


@by_the_database
async def test_refusals_are_counted_by_the_hour_and_across_restarts(world: World) -> None:
    assert replies_to(world, await flood(world, 3)) == [1, 1, 1]
    await world.until_done(60)
    await world.restart_bot()
    assert replies_to(world, await flood(world, 1)) == [0]

    world.advance(hours=1, seconds=1)

    assert replies_to(world, await flood(world, 1)) == [1]


@by_the_database
async def test_each_person_is_counted_alone(world: World) -> None:
    await flood(world, 3)

    assert replies_to(world, await flood(world, 1, login="dave")) == [1]


@by_the_database
async def test_reactions_come_to_an_end_too(world: World) -> None:
    await flood(world, 3 + 20, "/codegen run it")
    last = await world.comment("carol", "/codegen run it")
    await world.until_done(24)

    assert replies_to(world, [last]) == [0]
    assert reactions_to([last]) == [[]]


async def test_readers_mistakes_get_one_reply_a_comment(world: World) -> None:
    comments = await flood(world, 1, "/codegen rum\n\n/codegen rin\n\n/codegen ran")
    await world.until_done(3 if world.entry_point == "server" else 1)

    assert replies_to(world, comments) == [1]


@either_entry_point
async def test_writers_mistakes_are_answered_each(world: World) -> None:
    comment = await world.comment("bob", "/codegen rum\n\n/codegen rin\n\n/codegen ran")
    await world.settled(3)

    assert replies_to(world, [comment]) == [3]


@by_the_database
async def test_bot_that_is_not_allowed_is_refused_three_times(world: World) -> None:
    world.github.add_bot("renovate[bot]")

    comments = await flood(world, 4, login="renovate[bot]")

    assert sorted(replies_to(world, comments)) == [0, 1, 1, 1]


@by_the_database
async def test_readers_commands_are_carried_out_thirty_times_an_hour(world: World) -> None:
    for _ in range(30):
        await world.comment("carol", "/codegen help help")
        await world.reply(Stage.FINISHED)

    (comment,) = await flood(world, 1, "/codegen help help")

    assert reactions_to([comment]) == [["-1"]]
    assert replies_to(world, [comment]) == [0]


async def test_what_readers_may_do_stands_beside_what_they_may_not(world: World) -> None:
    comment = await world.comment("carol", "/codegen help help\n\n/codegen run it\n\n/codegen run that")
    await world.settled(2)

    assert replies_to(world, [comment]) == [2]


@by_the_database
async def test_label_without_write_access_is_refused_three_times(world: World) -> None:
    """There is no comment to react to; the label comes off each time."""
    world.github.world.accounts["carol"].role = "triage"
    for number in range(5):
        world.github.label("carol", 1, "codegen:run")
        await world.until_done(number + 1)
        await world.github.until(lambda: world.github.labels(1) == [])
        world.advance(seconds=2)

    assert len(world.read_all()) == 3
