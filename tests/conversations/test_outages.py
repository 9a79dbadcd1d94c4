"""Codegen is away: a command that starts something waits for it, and what ended meanwhile is not told wrongly."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.emulators.control import Fault
from bot.text.markers import Stage
from tests.harness.world import World


def codegen_goes_away(world: World, path: str = "/agent/run") -> Fault:
    return world.codegen.control.fault(path=path, status=503, times=None)


def codegen_comes_back(world: World, fault: Fault) -> None:
    world.codegen.control.faults.remove(fault)


async def with_patience(world: World) -> None:
    """For as long as the test takes: the waits of the bot are cut short, and so would its patience be."""
    world.timing["outage_timeout"] = 1000 * 3600.0
    await world.restart_bot()


async def test_run_that_is_asked_for_in_an_outage(world: World) -> None:
    await with_patience(world)
    fault = codegen_goes_away(world)
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.ACCEPTED)
    assert await world.reply(Stage.ACCEPTED) == snapshot("""\
Accepted. Codegen failed, and retrying did not help (503).

This command waits for Codegen to be available again, for about 1000 h, and then continues by itself. No action is needed until then.\
""")
    codegen_comes_back(world, fault)
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 500, "after_work": True}, {"action": "drop", "after_work": True}], ids=str
)
async def test_run_that_was_made_as_the_outage_began(world: World, fault: dict[str, object]) -> None:
    """Its answer was lost, and for a while nobody can look for it."""
    await with_patience(world)
    away = codegen_goes_away(world, "/agent/runs")
    world.codegen.control.fault(path="/agent/run$", method="POST", **fault)
    await world.comment("bob", "/codegen run fix it")
    await world.until_reply(lambda body: "waits for Codegen to be available again" in body)
    codegen_comes_back(world, away)
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


async def test_resume_that_is_asked_for_in_an_outage(world: World) -> None:
    await with_patience(world)
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    fault = codegen_goes_away(world)
    await world.comment("bob", "/codegen resume 1 go on")
    await world.until_reply(lambda body: "waits for Codegen to be available again" in body)
    codegen_comes_back(world, fault)
    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result="Went on.")
    assert "Went on." in await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs[1].prompts) == 2


async def test_command_that_only_shows_does_not_wait(world: World) -> None:
    await with_patience(world)
    codegen_goes_away(world)
    await world.comment("bob", "/codegen status 1")
    assert (await world.reply(Stage.FAILED)).startswith("Codegen failed, and retrying did not help")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
async def test_restart_in_the_middle_of_an_outage(world: World) -> None:
    await with_patience(world)
    fault = codegen_goes_away(world)
    await world.comment("bob", "/codegen run fix it")
    await world.until_reply(lambda body: "waits for Codegen to be available again" in body)
    await world.restart_bot()
    codegen_comes_back(world, fault)
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 1


# The patience for a run ends in an outage


async def with_little_patience(world: World) -> None:
    world.settings["run_timeout_minutes"] = 0.02
    await world.restart_bot()


async def test_run_that_ended_unseen(world: World) -> None:
    """The list of runs cannot be read; the run by itself can, at the end of the patience."""
    await with_little_patience(world)
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    codegen_goes_away(world, "/agent/runs")
    world.codegen.finish(1, result="Done meanwhile.")
    assert "Done meanwhile." in await world.reply(Stage.FINISHED)


async def test_attempts_that_ended_unseen(world: World) -> None:
    await with_little_patience(world)
    await world.comment("bob", "/codegen multi-run -n 2 fix it")
    await world.codegen.run_created(2)
    fault = codegen_goes_away(world, "/agent/runs")
    world.codegen.finish(1, result="One way.")
    world.codegen.finish(2, result="Another way.")
    await world.codegen.until(lambda: all(world.requests("GET", f"/agent/run/{run}") for run in (1, 2)))
    codegen_comes_back(world, fault)
    await world.codegen.run_created(3)
    world.codegen.finish(3, result="The best of both.")
    assert "The best of both." in await world.reply(Stage.FINISHED)


async def test_run_of_which_nothing_is_known(world: World) -> None:
    await with_little_patience(world)
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    codegen_goes_away(world)
    world.codegen.finish(1, result="Done meanwhile.")
    assert await world.reply(Stage.FAILED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) was still running when last checked. Its state after 0 s is unknown, and the bot no longer follows it: Codegen failed, and retrying did not help (503): A scripted fault.

Next: `/codegen status 1` shows its progress.\
""")


async def test_attempts_of_which_nothing_is_known(world: World) -> None:
    await with_little_patience(world)
    await world.comment("bob", "/codegen multi-run -n 2 fix it")
    await world.codegen.run_created(2)
    codegen_goes_away(world)
    world.codegen.finish(1, result="One way.")
    world.codegen.finish(2, result="Another way.")
    assert await world.reply(Stage.FAILED) == snapshot("""\
None of the 2 attempts is known to have succeeded; 2 had not ended when last checked.

| attempt | status | time | pull request | run |
| --- | --- | --- | --- | --- |
| 1 | unknown |  |  | [run 1](https://codegen.com/agent/trace/1) |
| 2 | unknown |  |  | [run 2](https://codegen.com/agent/trace/2) |

- Attempts 1, 2: Codegen failed, and retrying did not help (503): A scripted fault.

Next: `/codegen status <run>` shows the state of one; `/codegen resume <run> <what to do>` continues it.\
""")
