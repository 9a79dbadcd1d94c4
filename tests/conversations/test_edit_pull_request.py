"""`close`, `reopen`, `draft`, `ready`: the state of a run's pull request."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def a_run(world: World, *pull_requests: str) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    for name in pull_requests:
        world.codegen.open_pull_request(1, name)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        (
            "close",
            "closed",
            snapshot("""\
Closed [octo/shop#12](https://github.com/octo/shop/pull/12) ([run 1](https://codegen.com/agent/trace/1)).

Undo: `/codegen reopen 1`\
"""),
        ),
        (
            "reopen",
            "open",
            snapshot("""\
Reopened [octo/shop#12](https://github.com/octo/shop/pull/12) ([run 1](https://codegen.com/agent/trace/1)).

Undo: `/codegen close 1`\
"""),
        ),
        (
            "draft",
            "draft",
            snapshot("""\
Converted to a draft: [octo/shop#12](https://github.com/octo/shop/pull/12) ([run 1](https://codegen.com/agent/trace/1)).

Undo: `/codegen ready 1`\
"""),
        ),
        (
            "ready",
            "ready_for_review",
            snapshot("""\
Marked as ready for review: [octo/shop#12](https://github.com/octo/shop/pull/12) ([run 1](https://codegen.com/agent/trace/1)).

Undo: `/codegen draft 1`\
"""),
        ),
    ],
)
async def test_runs_pull_request_is_changed(world: World, name: str, state: str, expected: str) -> None:
    await a_run(world, "octo/shop#12")

    comment = await world.comment("bob", f"/codegen {name}")

    assert await world.reply(Stage.FINISHED) == expected
    await world.reacted(comment, "eyes", "rocket")
    assert world.requests("PATCH", "/prs/") == [{"state": state}]


async def test_pull_requests_own_run_is_chosen_among_several(world: World) -> None:
    await a_run(world, "octo/shop#11", "octo/shop#1")

    await world.comment("bob", "/codegen close 1")

    assert (await world.reply(Stage.FINISHED)).startswith("Closed [octo/shop#1](https://github.com/octo/shop/pull/1)")


async def test_of_several_others_none_is_guessed(world: World) -> None:
    await a_run(world, "octo/shop#11", "octo/shop#12")

    await world.comment("bob", "/codegen close")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1) has several pull requests: [octo/shop#11](https://github.com/octo/shop/pull/11) and [octo/shop#12](https://github.com/octo/shop/pull/12). Give the command on the one you mean: `/codegen close 1`"
    )
    assert world.requests("PATCH", "/prs/") == []


@either_entry_point
async def test_run_without_a_pull_request(world: World) -> None:
    await a_run(world)

    await world.comment("bob", "/codegen close")

    assert await world.reply(Stage.REFUSED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1) has no pull request. It ended without one; `/codegen status 1` shows its state."
    )


@either_entry_point
async def test_codegens_no_is_reported(world: World) -> None:
    await a_run(world, "octo/shop#12")
    body = {"success": False, "error": "It is merged @alice."}
    world.codegen.control.fault(path="/prs/", status=200, body=body)

    await world.comment("bob", "/codegen close")

    assert await world.reply(Stage.FAILED) == snapshot("""\
Codegen did not change [octo/shop#12](https://github.com/octo/shop/pull/12) ([run 1](https://codegen.com/agent/trace/1)).

> It is merged @\u200balice.

Next: change it on its own page, or fix what Codegen names and give the command again in a new comment.\
""")


@either_entry_point
async def test_refusal_upstream_is_reported(world: World) -> None:
    await a_run(world, "octo/shop#12")
    world.codegen.control.fault(path="/prs/", status=403, body={"detail": "Not yours."})

    await world.comment("bob", "/codegen close")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen does not let the bot do this (403).")


@either_entry_point
@pytest.mark.parametrize("name", ["close", "reopen", "draft", "ready"])
async def test_reader_and_invalid_run_are_refused(world: World, name: str) -> None:
    await world.comment("carol", f"/codegen {name} 1")
    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `")

    await world.comment("bob", f"/codegen {name} it")
    assert (await world.reply(Stage.REFUSED)).startswith(f"`{name}` takes a run number and nothing else.")
