"""The same thing asked twice is done once; a bot that dies goes on where it was."""

import re

import pytest
from inline_snapshot import snapshot

from bot.commands.table import COMMANDS
from bot.replies.markers import Stage
from tests.conversations.town import Town


async def test_a_redelivery_changes_nothing(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)

    for _ in range(3):
        town.github.redeliver(town.github.deliveries[0])
    await town.github.idle()
    town.codegen.finish(1)

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_redelivery_after_a_restart_changes_nothing(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)

    await town.restart_bot()
    town.github.redeliver(town.github.deliveries[0])
    await town.github.idle()
    await town.says("bob", "/codegen help")

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 2


async def test_the_same_comment_by_two_hooks_is_one_command(town: Town) -> None:
    """An App and a repository webhook both deliver it, under two GUIDs."""
    comment = await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)

    town.github.deliver_by_another_hook(comment)
    await town.github.idle()
    town.codegen.finish(1)

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_while_a_run_works_is_not_noticed(town: Town) -> None:
    comment = await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)

    await town.stop_bot()
    town.passes(minutes=10)
    town.codegen.finish(1, result="Done while nobody looked.")
    await town.start_bot()

    assert await town.reply(Stage.FINISHED) == snapshot("""\
Finished in 10 min: [run 1](https://codegen.com/agent/trace/1).

Done while nobody looked.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    await town.reacted(comment, "eyes", "rocket")
    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_a_restart_while_the_run_is_being_created_makes_one_run(town: Town) -> None:
    """Codegen has done the work, but its answer never came: the bot was stopped in between."""
    town.codegen.control.fault(path="/agent/run$", method="POST", action="hang", after_work=True, delay=30)
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)

    await town.restart_bot()

    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 1


async def test_a_second_command_neither_waits_nor_kills_the_first(town: Town) -> None:
    await town.says("bob", "/codegen run one")
    await town.says("alice", "/codegen run two")
    await town.codegen.run_created(2)

    town.codegen.finish(2, result="Two is done.")
    town.codegen.finish(1, result="One is done.")

    await town.settled(2)
    bodies = "\n".join(comment.body for comment in town.read_all())
    assert "One is done." in bodies
    assert "Two is done." in bodies


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.USAGE.only_shows])
async def test_what_only_shows_may_be_told_again_from_its_start(town: Town, name: str) -> None:
    """It changes nothing but its own reply and the reactions."""
    await town.says("alice", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    before = len(town.codegen.control.journal), len(town.github.control.journal)

    await town.says("alice", f"/codegen {name}")
    await town.reply(Stage.FINISHED)

    codegens, githubs = town.codegen.control.journal[before[0] :], town.github.control.journal[before[1] :]
    assert {entry.method for entry in codegens} <= {"GET"}
    written = [entry.path for entry in githubs if entry.method not in {"GET", "HEAD"}]
    assert [path for path in written if not re.search(r"/(comments|reactions)(/\d+)?$", path)] == []
