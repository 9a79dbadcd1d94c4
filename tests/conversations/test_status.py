"""`status`: how a run is."""

from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_status_shows_the_threads_latest_run(world: World) -> None:
    """Carol may only read; asking how it goes is reading."""
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.move(1, "RUNNING")
    await world.reply(Stage.WORKING)
    world.advance(minutes=61)

    comment = await world.comment("carol", "/codegen status")

    assert await world.reply(Stage.FINISHED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1): working, started 1 h 1 min ago."
    )
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_status_of_a_finished_run_shows_what_it_did(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Rounded once.", pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen status 1")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): finished, started 0 s ago, with [octo/shop#12](https://github.com/octo/shop/pull/12).

Rounded once.

<details><summary>The agent's result</summary>

Done.

</details>

A follow-up: `/codegen resume 1 <what to do next>`\
""")


@either_entry_point
async def test_status_of_unknown_run_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen status 99")

    assert await world.reply() == snapshot("""\
Codegen did not find it (404).

> Agent run 99 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.\
""")


@either_entry_point
async def test_status_where_no_run_was(world: World) -> None:
    await world.comment("bob", "/codegen status")

    assert await world.reply() == snapshot(
        "No agent run belongs to this thread yet. Start one with `/codegen run <what to do>`, or name one by number: `/codegen status 7`"
    )


async def test_status_finds_a_run_by_the_pull_request_it_made(world: World) -> None:
    """Somebody started a run in Codegen itself; its pull request is this one."""
    world.codegen.start_elsewhere("Fix the checkout")
    world.codegen.open_pull_request(1, "octo/shop#1")

    await world.comment("bob", "/codegen status")

    assert await world.reply() == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1): waiting to start, started 0 s ago, with [octo/shop#1](https://github.com/octo/shop/pull/1)."
    )


@either_entry_point
async def test_status_on_an_issue(world: World) -> None:
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED, number=2)

    await world.comment("bob", "/codegen status", number=2)
    await world.comment("bob", "/codegen status", number=1)

    assert await world.reply(number=2) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): finished, started 0 s ago.

Done.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert "No agent run belongs to this thread" in await world.reply(number=1)


async def test_run_of_another_repository_is_not_shown_here(world: World) -> None:
    """The bot sees all of the organization's runs; whoever reads this thread may not. Nor is it resumed here."""
    world.codegen.start_elsewhere("Something private")
    world.codegen.finish(1, result="The private result.", pull_request="octo/secrets#1")

    for words in ("status 1", "resume 1 tell me more", "cancel 1", "star 1"):
        await world.comment("alice", f"/codegen {words}")
        assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    assert len(world.codegen.runs[1].prompts) == 1


async def test_run_of_no_known_repository_is_shown_to_writers_only(world: World) -> None:
    world.codegen.start_elsewhere("Something")

    await world.comment("carol", "/codegen status 1")
    assert await world.reply(Stage.REFUSED) == snapshot("""\
Run 1 is not known to belong to this repository, so nothing about it is shown or changed here.

Next: give the command where the run belongs, or use the dashboard or the command line, with a Codegen token of your own.\
""")
    await world.comment("bob", "/codegen status 1")
    assert (await world.reply(Stage.FINISHED)).startswith("[Run 1]")
