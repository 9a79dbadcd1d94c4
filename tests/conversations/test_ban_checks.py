"""`ban-checks`, `unban-checks`, `remove` and `cancel`, and the label that goes with them."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point

LABEL = "codegen:ban-checks"


async def a_run_on_this_pull_request(world: World) -> None:
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#1")
    await world.reply(Stage.FINISHED, number=2)


async def test_ban_checks_stops_codegen_and_sets_the_label(world: World) -> None:
    await a_run_on_this_pull_request(world)

    comment = await world.comment("bob", "/codegen ban-checks")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen no longer reacts to the checks of [octo/shop#1](https://github.com/octo/shop/pull/1) ([run 1](https://codegen.com/agent/trace/1)); its agents there are stopped.

Undo: `/codegen unban-checks 1`\
""")
    await world.reacted(comment, "eyes", "rocket")
    assert "banned" in world.codegen.runs[1].flags
    assert world.github.labels(1) == [LABEL]


async def test_unban_checks_undoes_the_ban(world: World) -> None:
    await a_run_on_this_pull_request(world)
    await world.comment("bob", "/codegen ban-checks")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen unban-checks 1")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Codegen reacts to the checks of [octo/shop#1](https://github.com/octo/shop/pull/1) ([run 1](https://codegen.com/agent/trace/1)) again. Agents that were stopped stay stopped.

To continue the run: `/codegen resume 1 <what to do>`\
""")
    assert world.codegen.runs[1].flags == set()
    assert world.github.labels(1) == []


async def test_remove_takes_codegen_off(world: World) -> None:
    await a_run_on_this_pull_request(world)

    await world.comment("bob", "/codegen remove")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Removed Codegen from [octo/shop#1](https://github.com/octo/shop/pull/1) ([run 1](https://codegen.com/agent/trace/1)): its agents there are stopped, and it no longer reacts to the checks. The pull request itself stays as it is.

Undo: `/codegen unban-checks 1`\
""")
    assert world.github.labels(1) == [LABEL]


async def test_running_agent_is_stopped_and_its_reply_says_so(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.open_pull_request(1, "octo/shop#1")

    await world.comment("alice", "/codegen remove 1")

    assert "was stopped" in await world.reply(Stage.FAILED)
    assert (await world.reply(Stage.FINISHED)).startswith("Removed Codegen from")


async def test_ban_label_bans_and_unbans_without_reply(world: World) -> None:
    await a_run_on_this_pull_request(world)

    world.github.label("bob", 1, LABEL)
    await world.until_done(2)
    assert "banned" in world.codegen.runs[1].flags

    world.github.unlabel("bob", 1, LABEL)
    await world.until_done(3)
    assert world.codegen.runs[1].flags == set()
    assert world.bot_comments(1) == []
    assert world.github.labels(1) == []


async def test_remove_label_comes_off_when_the_work_is_done(world: World) -> None:
    await a_run_on_this_pull_request(world)

    world.github.label("bob", 1, "codegen:remove")

    assert (await world.reply(Stage.FINISHED)).startswith("Removed Codegen from")
    await world.github.until(lambda: world.github.labels(1) == [LABEL])


async def test_ban_that_codegen_refuses_takes_the_label_off_again(world: World) -> None:
    await a_run_on_this_pull_request(world)
    world.codegen.control.fault(path="/agent/run/ban$", status=403, body={"detail": "Not yours."})

    world.github.label("bob", 1, LABEL)

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen does not let the bot do this (403).

> Not yours.

Next: the bot's operator must give its token the permission; then give the command again in a new comment.\
""")
    await world.github.until(lambda: world.github.labels(1) == [])


@either_entry_point
@pytest.mark.parametrize("name", ["ban-checks", "unban-checks", "remove"])
async def test_reader_is_refused(world: World, name: str) -> None:
    await world.comment("carol", f"/codegen {name} 1")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `")


@either_entry_point
@pytest.mark.parametrize("name", ["ban-checks", "unban-checks", "remove", "cancel"])
async def test_invalid_input_is_reported(world: World, name: str) -> None:
    await world.comment("bob", f"/codegen {name} everything")

    assert (await world.reply(Stage.REFUSED)).startswith(f"`{name}` takes a run number and nothing else.")


@either_entry_point
@pytest.mark.parametrize("name", ["ban-checks", "unban-checks", "remove", "cancel"])
async def test_unknown_run_is_refused(world: World, name: str) -> None:
    await world.comment("bob", f"/codegen {name} 99")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen did not find it (404).")


@either_entry_point
async def test_cancel_of_run_without_pull_request_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)

    await world.comment("bob", "/codegen cancel")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "Codegen's API cannot stop [run 1](https://codegen.com/agent/trace/1): it stops agents by their pull request only, and this run has none yet. Its page may let you stop it; once it has a pull request, `/codegen remove 1` does."
    )
    world.codegen.open_pull_request(1, "octo/shop#1")
    await world.comment("bob", "/codegen cancel")
    assert await world.reply(Stage.FINISHED) == snapshot(
        "Codegen cannot cancel a run, but it can stop all its agents on a pull request: `/codegen remove 1` does so on [octo/shop#1](https://github.com/octo/shop/pull/1)."
    )

    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.comment("bob", "/codegen cancel")
    assert await world.reply(Stage.FINISHED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1) has already ended; there is nothing to stop."
    )
