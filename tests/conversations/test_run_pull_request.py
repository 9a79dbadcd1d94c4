"""Which pull request a command on a run reaches, and from where."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def a_run_elsewhere(world: World, pull_request: str) -> None:
    """Somebody started it in Codegen itself."""
    run = world.codegen.start_elsewhere("Fix the checkout").id
    world.codegen.finish(run, pull_request=pull_request)


@pytest.mark.parametrize("name", ["ban-checks", "unban-checks", "remove", "close", "reopen", "draft", "ready"])
async def test_rights_here_reach_no_other_repository(world: World, name: str) -> None:
    """Bob may write to octo/shop; nobody has asked what he may do in octo/docs."""
    await a_run_elsewhere(world, "octo/docs#3")

    await world.comment("bob", f"/codegen {name} 1")

    assert await world.reply(Stage.REFUSED) == snapshot("""\
Run 1 is not known to belong to this repository, so nothing about it is shown or changed here.

Next: give the command where the run belongs, or use the dashboard or the command line, with a Codegen token of your own.\
""")
    assert world.codegen.runs[1].flags == set()
    assert world.requests("PATCH", "/prs/") + world.requests("POST", "/agent/run/") == []


async def test_own_run_of_pull_request_precedes_later_ones(world: World) -> None:
    """Run 1 made this pull request; run 2 was started under it and made another."""
    await a_run_elsewhere(world, "octo/shop#1")
    await world.comment("bob", "/codegen run try something else")
    await world.codegen.run_created(2)
    world.codegen.finish(2, pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen ban-checks")

    assert "octo/shop#1](" in await world.reply(Stage.FINISHED)
    assert [sorted(run.flags) for run in world.codegen.runs.values()] == [["banned"], []]


async def test_latest_run_is_used_without_an_own_one(world: World) -> None:
    await world.comment("bob", "/codegen run try something else")
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen ban-checks")

    assert "octo/shop#12](" in await world.reply(Stage.FINISHED)
    assert world.github.labels(1) == []


async def test_label_is_not_left_where_it_is_not_true(world: World) -> None:
    await world.comment("bob", "/codegen run try something else")
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    world.github.label("bob", 1, "codegen:ban-checks")

    assert await world.reply(Stage.REFUSED) == snapshot("""\
No agent run is known to be on this pull request; its latest, [run 1](https://codegen.com/agent/trace/1), has [octo/shop#12](https://github.com/octo/shop/pull/12).

Next: put the label there, or write here: `/codegen ban-checks 1`\
""")
    await world.github.until(lambda: world.github.labels(1) == [])
    assert world.codegen.runs[1].flags == set()


@either_entry_point
@pytest.mark.parametrize("status", [404, 400])
async def test_refusal_for_want_of_a_pull_request_is_explained(world: World, status: int) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.control.fault(path="/remove-from-pr$", status=status, body={"detail": "No PR, @alice."})

    await world.comment("bob", "/codegen remove")

    reply = await world.reply(Stage.REFUSED)
    assert f"({status})" in reply
    assert reply.partition("\n\n> ")[0] == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1) has no pull request, and Codegen accepts this only for a run that has one."
    )
    assert reply.rpartition("\n\n")[2] == snapshot("Next: once the run has opened one, give `/codegen remove 1` again.")
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


@either_entry_point
async def test_where_no_run_was(world: World) -> None:
    await world.comment("bob", "/codegen remove")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "No agent run belongs to this thread yet. Start one with `/codegen run <what to do>`, or name one by number: `/codegen remove 7`"
    )
