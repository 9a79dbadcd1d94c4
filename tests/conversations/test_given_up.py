"""A command over which the process has ended three times is answered and not tried again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

from bot.replies.markers import Stage, find
from bot.store.database import open_engine
from bot.store.jobs import JobStore
from tests.conversations.town import Town, town_at


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Only a server has a database to note it in."""
    async with town_at(tmp_path / "bot.sqlite") as town:
        yield town


def note_loop_holds(town: Town, identity: str, times: int) -> None:
    """As the processes did that ended over the command."""
    database: Engine = open_engine(town.database_url)
    for _ in range(times):
        JobStore(database).hold_loop(identity)
    database.dispose()


async def test_a_command_with_a_run_is_given_up(town: Town) -> None:
    """The run's answer is not read again: it may be what nobody gets past."""
    comment = await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    await town.stop_bot()
    note_loop_holds(town, town.identity(comment), 3)
    town.codegen.finish(1, result="I made the change.")
    await town.start_bot()
    reply = await town.reply(Stage.FAILED)
    assert reply.replace(town.identity(comment), "IDENTITY") == snapshot("""\
This command was given up: 3 times the bot stood still over it and had to be restarted.

Next: read what came of it at Codegen: [run 1](https://codegen.com/agent/trace/1). The bot's log has the rest under `IDENTITY`.\
""")
    await town.reacted(comment, "eyes", "confused")


async def test_a_label_of_a_command_that_is_given_up_comes_off(town: Town) -> None:
    town.github.label("bob", 1, "codegen:run")
    await town.github.idle()
    await town.reply(Stage.STARTED)
    await town.stop_bot()
    marker = find(town.bot_comments()[0].body)
    assert marker is not None
    note_loop_holds(town, marker.identity, 3)
    await town.start_bot()
    assert (await town.reply(Stage.FAILED)).startswith("This command was given up")
    await town.github.until(lambda: "codegen:run" not in town.github.labels(1))
    town.codegen.finish(1)


async def test_a_command_that_ended_two_processes_is_tried_again(town: Town) -> None:
    comment = await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    await town.stop_bot()
    note_loop_holds(town, town.identity(comment), 2)
    town.codegen.finish(1, result="I made the change.")
    await town.start_bot()
    assert "I made the change." in await town.reply(Stage.FINISHED)


async def test_a_command_that_has_its_answer_keeps_it(town: Town) -> None:
    """The process ended after the last word, and before that was written down."""
    comment = await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    town.github.control.fault(path="/reactions$", method="POST", action="hang", delay=60.0)
    town.codegen.finish(1, result="I made the change.")
    words = await town.reply(Stage.FINISHED)
    await town.github.until(lambda: len(town.requests("POST", "/reactions")) == 2)
    await town.stop_bot()
    note_loop_holds(town, town.identity(comment), 3)
    await town.start_bot()
    await town.until_done(1)
    assert await town.latest_reply() == words
