"""Long texts are read and prepared off the event loop; one that takes too long costs its own words and nothing else."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from bot.text.offload.pool import INLINE
from tests.harness.world import World, either_entry_point

LONG = "\n\n".join(f"Paragraph {number} of the answer." for number in range(300))


async def with_workers(world: World) -> None:
    """Long texts are prepared by workers from here on, as they usually are."""
    world.timing["text_inline"] = INLINE
    await world.restart_bot()


async def in_no_time(world: World) -> None:
    """Whatever goes to a worker takes too long from here on."""
    world.timing["text_limit"] = 0.0
    await with_workers(world)


async def test_long_answer_is_shown_as_a_short_one_is(world: World) -> None:
    await with_workers(world)
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result=LONG)
    reply = await world.reply(Stage.FINISHED)
    assert f"<details><summary>The agent's result</summary>\n\n{LONG}\n\n</details>" in reply


async def test_finished_run_with_an_unprepared_answer(world: World) -> None:
    await in_no_time(world)
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result=LONG, pull_request="octo/shop#12")
    assert await world.reply(Stage.FINISHED) == snapshot("""\
Finished: [run 1](https://codegen.com/agent/trace/1) (succeeded, with [octo/shop#12](https://github.com/octo/shop/pull/12)).

The agent's answer could not be prepared for this comment in time.

Next: read it on the run's page.\
""")
    await world.reacted(comment, "eyes", "rocket")


@either_entry_point
async def test_failed_run_with_an_unprepared_answer(world: World) -> None:
    await in_no_time(world)
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1, status="FAILED", result=LONG)
    assert await world.reply(Stage.FAILED) == snapshot("""\
Ended: [run 1](https://codegen.com/agent/trace/1) (failed).

The agent's answer could not be prepared for this comment in time.

Next: read it on the run's page.\
""")
    await world.reacted(comment, "eyes", "confused")


@either_entry_point
async def test_multi_run_with_unprepared_answers(world: World) -> None:
    """Its progress is left out too, and the attempts are followed all the same; they cannot be combined."""
    await in_no_time(world)
    await world.comment("bob", "/codegen multi-run -n 2 fix it")
    await world.codegen.run_created(2)
    world.codegen.finish(1, result=LONG, pull_request="octo/shop#12")
    world.codegen.finish(2, result=LONG, pull_request="octo/shop#13")
    assert await world.reply(Stage.FAILED) == snapshot("""\
Finished:

- [run 1](https://codegen.com/agent/trace/1) (succeeded, with [octo/shop#12](https://github.com/octo/shop/pull/12))
- [run 2](https://codegen.com/agent/trace/2) (succeeded, with [octo/shop#13](https://github.com/octo/shop/pull/13))

The agent's answer could not be prepared for this comment in time.

Next: read it on the run's page.\
""")


@either_entry_point
async def test_unprepared_answer_without_a_run(world: World) -> None:
    await in_no_time(world)
    for _ in range(5):
        run = world.codegen.start_elsewhere("Think about it")
        world.codegen.finish(run.id, result=LONG, pull_request="octo/shop#12")
    comment = await world.comment("bob", "/codegen runs")
    reply = await world.reply(Stage.FAILED)
    assert reply.replace(world.identity(comment), "IDENTITY") == snapshot("""\
The reply could not be prepared in time.

Next: give the command again in a new comment; if it fails again, the bot's operator finds the cause in the log under `IDENTITY`.\
""")


async def test_long_comment_is_read_as_a_short_one_is(world: World) -> None:
    await with_workers(world)
    await world.comment("bob", f"/codegen run fix it\n\n{LONG}")
    await world.reply(Stage.STARTED)
    assert LONG in world.codegen.runs[1].prompts[0]
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_comment_that_takes_too_long_to_read_is_answered_once(world: World) -> None:
    await in_no_time(world)
    comment = await world.comment("bob", f"{LONG}\n\n/codegen run fix it")
    assert await world.reply() == snapshot("""\
This comment took too long to parse, so none of its commands was executed.

Next: give the command in a comment of its own.\
""")
    await world.reacted(comment, "-1")
    await world.edit(comment, f"{LONG}\n\n/codegen run fix it now")
    await world.comment("bob", "/codegen help run")
    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 2
    assert not world.codegen.runs


@pytest.mark.server_only(reason="a job reads one comment and ends")
async def test_comment_without_a_command_is_not_read(world: World) -> None:
    """Most long comments are no business of the bot's."""
    await in_no_time(world)
    await world.comment("bob", LONG.replace("Paragraph", "/paragraph"))
    await world.comment("bob", "/codegen help run")
    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1
