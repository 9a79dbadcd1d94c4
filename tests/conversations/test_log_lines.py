"""Whoever reads the log finds all lines of one command by any of its names."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import ErrorKind
from bot.text.markers import Stage
from tests.harness.log_lines import lines, logged
from tests.harness.world import World

OF_NO_STORY = {"engine.started", "server.listening", "executor.taken-over"}


def story(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All lines but the server's own."""
    return [line for line in log if line["event"] not in OF_NO_STORY]


@pytest.mark.server_only(reason="a job has no delivery, and its runner's log is its own")
async def test_every_line_of_a_command_says_whose_it_is(world: World) -> None:
    """Order, delivery, thread, command and login from its first line on, the run from its start on."""
    with logged() as stream:
        # What goes wrong on the way belongs to it too.
        world.github.control.fault(method="PATCH", path="/issues/comments/", status=502)
        await world.comment("alice", "/codegen run fix the flaky test")
        await world.codegen.run_created(1)
        world.codegen.finish(1)
        await world.reply(Stage.FINISHED)
        await world.until_done(1)
        log = story(lines(stream))
    delivery = world.github.deliveries[0].guid
    assert len({line["invocation"] for line in log}) == 1
    names = {"delivery": delivery, "thread": "octo/shop#1", "command": "run", "login": "alice"}
    assert [{name: line.get(name) for name in names} for line in log] == [names] * len(log)
    events = [line["event"] for line in log]
    assert (events[0], events[-1]) == ("command.started", "command.done")
    assert "status_comment.edit_failed" in events
    assert [line.get("run") for line in log[1:]] == [1] * len(log[1:])


@pytest.mark.server_only(reason="a job has no delivery, and its runner's log is its own")
async def test_command_with_several_runs_names_them_all(world: World) -> None:
    with logged() as stream:
        await world.comment("alice", "/codegen multi-run -n 2 fix the flaky test")
        for run in (1, 2):
            await world.codegen.run_created(run)
            world.codegen.finish(run)
        await world.codegen.run_created(3)
        world.codegen.finish(3)
        await world.reply(Stage.FINISHED)
        await world.until_done(1)
        done = story(lines(stream))[-1]
    assert (done["event"], done["run"], done["runs"]) == ("command.done", 1, [1, 2, 3])


@pytest.mark.server_only(reason="a job has no delivery, and its runner's log is its own")
async def test_one_commands_runs_are_not_taken_for_anothers(world: World) -> None:
    with logged() as stream:
        await world.comment("alice", "/codegen run fix the flaky test")
        await world.codegen.run_created(1)
        world.codegen.finish(1)
        await world.reply(Stage.FINISHED)
        await world.comment("alice", "/codegen help")
        await world.reply(Stage.FINISHED)
        await world.until_done(2)
        helped = [line for line in lines(stream) if line.get("command") == "help"]
    assert helped
    assert all("run" not in line for line in helped)


@pytest.mark.server_only(reason="a job has no delivery, and its runner's log is its own")
async def test_log_of_failed_reply_names_its_command(world: World) -> None:
    with logged() as stream:
        world.github.control.fault(method="POST", path="/issues/1/comments$", status=403, times=None)
        await world.comment("alice", "/codegen help")
        await world.until_done(1)
        line = next(each for each in lines(stream) if each["event"] == "command.unanswered")
    assert (line["thread"], line["command"]) == ("octo/shop#1", "help")
    assert ErrorKind.FORBIDDEN.value in line["reason"]
