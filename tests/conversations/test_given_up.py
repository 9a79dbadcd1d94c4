"""A command over which the process has ended three times is answered and not tried again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

from bot.storage.database import open_engine
from bot.storage.jobs import JobStore
from bot.text.markers import Stage, find
from tests.harness.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Only a server has a database to note it in."""
    async with world_at(tmp_path / "bot.sqlite") as world:
        yield world


def note_loop_holds(world: World, identity: str, times: int) -> None:
    """As the processes did that ended over the command."""
    database: Engine = open_engine(world.database_url)
    for _ in range(times):
        JobStore(database).add_loop_block(identity)
    database.dispose()


async def test_command_with_a_run_is_given_up(world: World) -> None:
    """The run's answer is not read again: it may be what nobody gets past."""
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    await world.stop_bot()
    note_loop_holds(world, world.identity(comment), 3)
    world.codegen.finish(1, result="I made the change.")
    await world.start_bot()
    reply = await world.reply(Stage.FAILED)
    assert reply.replace(world.identity(comment), "IDENTITY") == snapshot("""\
This command was given up: 3 times it blocked the bot, which had to be restarted.

Next: see at Codegen what came of it: [run 1](https://codegen.com/agent/trace/1). The bot's log has the details under `IDENTITY`.\
""")
    await world.reacted(comment, "eyes", "confused")


async def test_label_of_a_command_that_is_given_up_comes_off(world: World) -> None:
    world.github.label("bob", 1, "codegen:run")
    await world.github.idle()
    await world.reply(Stage.STARTED)
    await world.stop_bot()
    marker = find(world.bot_comments()[0].body)
    assert marker is not None
    note_loop_holds(world, marker.identity, 3)
    await world.start_bot()
    assert (await world.reply(Stage.FAILED)).startswith("This command was given up")
    await world.github.until(lambda: "codegen:run" not in world.github.labels(1))
    world.codegen.finish(1)


async def test_command_that_ended_two_processes_is_tried_again(world: World) -> None:
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    await world.stop_bot()
    note_loop_holds(world, world.identity(comment), 2)
    world.codegen.finish(1, result="I made the change.")
    await world.start_bot()
    assert "I made the change." in await world.reply(Stage.FINISHED)


async def test_command_that_has_its_answer_keeps_it(world: World) -> None:
    """The process ended after the last word, and before that was written down."""
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.control.fault(path="/reactions$", method="POST", action="hang", delay=60.0)
    world.codegen.finish(1, result="I made the change.")
    words = await world.reply(Stage.FINISHED)
    await world.github.until(lambda: len(world.requests("POST", "/reactions")) == 2)
    await world.stop_bot()
    note_loop_holds(world, world.identity(comment), 3)
    await world.start_bot()
    await world.until_done(1)
    assert await world.latest_reply() == words
