"""`resume`: a follow-up for a run."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_resume_gives_the_latest_run_a_follow_up(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="Fixed.", pull_request="octo/shop#12")
    await world.reply(Stage.FINISHED)

    comment = await world.comment("alice", "/codegen resume and add a test")

    assert await world.reply() == snapshot("Accepted. Sending the follow-up to run 1…")
    assert await world.reply() == snapshot("""\
Resumed: [run 1](https://codegen.com/agent/trace/1) has the follow-up.

This comment is kept up to date.\
""")
    world.advance(seconds=90)
    world.codegen.finish(1, result="Added a test.")
    assert await world.reply(Stage.FINISHED) == snapshot("""\
Finished in 1 min 30 s: [run 1](https://codegen.com/agent/trace/1), with [octo/shop#12](https://github.com/octo/shop/pull/12).

Added a test.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    await world.reacted(comment, "eyes", "rocket")
    assert len(world.codegen.runs) == 1
    [_, follow_up] = world.codegen.runs[1].prompts
    identity = world.identity(comment)
    assert follow_up.replace(identity, "IDENTITY").replace(str(comment.id), "ID") == snapshot("""\
A follow-up by alice on octo/shop#1 (https://github.com/octo/shop/pull/1#issuecomment-ID), command IDENTITY:

and add a test\
""")


async def test_old_ending_is_not_taken_for_the_new_one(world: World) -> None:
    """For a moment Codegen may still show a resumed run as it was."""
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="The old result.")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen resume more", number=1)
    await world.reply(Stage.STARTED)
    world.codegen.move(1, "COMPLETE")
    world.codegen.move(1, "RUNNING")
    await world.reply(Stage.WORKING)
    world.codegen.finish(1, result="The new result.")

    assert "The new result." in await world.reply(Stage.FINISHED)


@either_entry_point
async def test_resume_where_no_run_was(world: World) -> None:
    await world.comment("bob", "/codegen resume go on")

    assert await world.reply() == snapshot(
        "No agent run belongs to this thread yet. Start one with `/codegen run <what to do>`, or name one by number: `/codegen resume 7 go on`"
    )


@either_entry_point
async def test_resume_of_unknown_run_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen resume 99 go on")

    await world.reply(Stage.ACCEPTED)
    assert await world.reply() == snapshot("""\
Codegen did not find it (404).

> Agent run 99 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.\
""")


@either_entry_point
async def test_resume_without_a_prompt(world: World) -> None:
    await world.comment("bob", "/codegen resume 7")

    assert await world.reply() == snapshot(
        "The prompt is missing: say what to do. For example: `/codegen resume also update the changelog`"
    )


@pytest.mark.server_only(reason="a workflow's replies are not believed on a run that says it is for another thread")
async def test_run_resumed_by_number_joins_the_thread(world: World) -> None:
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED, number=2)

    await world.comment("bob", "/codegen resume 1 go on")
    await world.reply(Stage.STARTED)
    await world.comment("bob", "/codegen status")
    assert (await world.reply(Stage.FINISHED)).startswith("[Run 1](https://codegen.com/agent/trace/1)")
    world.codegen.finish(1, result="Went on.")
    assert "Went on." in await world.reply(Stage.FINISHED)


@pytest.mark.parametrize("host", ["codegen.com", "codegen.sh"])
async def test_on_a_pull_request_of_codegens_own_app_its_run_goes_on(world: World, host: str) -> None:
    """The app leaves its run's address at the end of the description; no second agent is started."""
    world.codegen.start_elsewhere("Fix the checkout")
    world.codegen.finish(1, result="Fixed.")
    footer = f"Fixed it.\n\n[View the run](https://{host}/agent/trace/1) · [Remove](https://{host}/remove-from-pr)"
    world.github.add_bot("codegen-sh[bot]")
    world.github.world.threads[1].account = world.github.world.accounts["codegen-sh[bot]"]
    world.github.world.threads[1].body = footer

    await world.comment("bob", "/codegen resume and add a test")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result="Added a test.")

    assert "Added a test." in await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
