"""The same thing asked twice is done once; a bot that dies goes on where it was."""

import re

import pytest
from inline_snapshot import snapshot

from bot.commands.registry import COMMANDS
from bot.text.markers import Stage
from tests.harness.world import World


async def test_redelivery_changes_nothing(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)

    for _ in range(3):
        world.github.redeliver(world.github.deliveries[0])
    await world.github.idle()
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_redelivery_after_a_restart_changes_nothing(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.until_done(1)

    await world.restart_bot()
    world.github.redeliver(world.github.deliveries[0])
    await world.github.idle()
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 2


async def test_same_comment_by_two_hooks_is_one_command(world: World) -> None:
    """An App and a repository webhook both deliver it, under two GUIDs."""
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)

    world.github.deliver_by_another_hook(comment)
    await world.github.idle()
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_while_a_run_works_is_not_noticed(world: World) -> None:
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)

    await world.stop_bot()
    world.advance(minutes=10)
    world.codegen.finish(1, result="Done while nobody looked.")
    await world.start_bot()

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Finished in 10 min: [run 1](https://codegen.com/agent/trace/1).

Done while nobody looked.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    await world.reacted(comment, "eyes", "rocket")
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 1


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_while_the_run_is_being_created_makes_one_run(world: World) -> None:
    """Codegen has done the work, but its answer never came: the bot was stopped in between."""
    world.codegen.control.fault(path="/agent/run$", method="POST", action="hang", after_work=True, delay=30)
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)

    await world.restart_bot()

    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 1


async def test_second_command_neither_waits_nor_kills_the_first(world: World) -> None:
    await world.comment("bob", "/codegen run one")
    await world.comment("alice", "/codegen run two")
    await world.codegen.run_created(2)

    world.codegen.finish(2, result="Two is done.")
    world.codegen.finish(1, result="One is done.")

    await world.settled(2)
    bodies = "\n".join(comment.body for comment in world.read_all())
    assert "One is done." in bodies
    assert "Two is done." in bodies


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.USAGE.read_only])
async def test_read_only_command_may_repeat_from_start(world: World, name: str) -> None:
    """It changes nothing but its own reply and the reactions."""
    await world.comment("alice", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    before = len(world.codegen.control.journal), len(world.github.control.journal)

    await world.comment("alice", f"/codegen {name}")
    await world.reply(Stage.FINISHED)

    codegens, githubs = world.codegen.control.journal[before[0] :], world.github.control.journal[before[1] :]
    assert {entry.method for entry in codegens} <= {"GET"}
    written = [entry.path for entry in githubs if entry.method not in {"GET", "HEAD"}]
    assert [path for path in written if not re.search(r"/(comments|reactions)(/\d+)?$", path)] == []
