"""Every way in which a run can end badly has an answer with a next step."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            "FAILED",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 3 min.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
"""),
        ),
        (
            "ERROR",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 3 min.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
"""),
        ),
        (
            "CANCELLED",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) was stopped after 3 min.

Next: `/codegen resume 1 <what to do>` continues from there, if that was not intended.\
"""),
        ),
        (
            "STOPPED",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) was stopped after 3 min.

Next: `/codegen resume 1 <what to do>` continues from there, if that was not intended.\
"""),
        ),
        (
            "TIMEOUT",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) ran out of time after 3 min.

Next: `/codegen resume 1 go on` gives it more, or ask for a smaller task with `/codegen run`.\
"""),
        ),
        (
            "MAX_ITERATIONS_REACHED",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) used up its iterations after 3 min.

Next: `/codegen resume 1 go on` gives it more, or ask for a smaller task with `/codegen run`.\
"""),
        ),
        (
            "OUT_OF_TOKENS",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) ran out of tokens after 3 min.

Next: ask for a smaller task with `/codegen run`, or raise the limit in Codegen's settings.\
"""),
        ),
        (
            "failed",
            snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 3 min.

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
"""),
        ),
    ],
)
@either_entry_point
async def test_run_that_ends_badly_says_how_and_what_next(world: World, status: str, expected: str) -> None:
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.advance(minutes=3)
    world.codegen.fail(1, status=status)

    assert await world.reply(Stage.FAILED) == expected
    await world.reacted(comment, "eyes", "confused")


async def test_what_the_agent_said_and_left_is_shown(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.open_pull_request(1, "octo/shop#12")
    world.codegen.fail(1, result="@alice the build is red <!-- x -->\n/codegen run again\nghp_0123456789abcdefghij")

    assert await world.reply(Stage.FAILED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) failed after 0 s.

@\u200balice the build is red \n\
\\/codegen run again
[redacted]

Pull requests it left: [octo/shop#12](https://github.com/octo/shop/pull/12).

Next: see the run's page for details, then continue with `/codegen resume 1 <a hint>`.\
""")


@either_entry_point
async def test_unknown_status_means_still_working(world: World) -> None:
    world.at("14:25")
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.move(1, "THINKING_VERY_HARD")

    assert await world.reply(Stage.WORKING) == snapshot(
        "Working since 14:25 UTC: [run 1](https://codegen.com/agent/trace/1)."
    )
    world.codegen.finish(1, status="completed")
    assert (await world.reply(Stage.FINISHED)).startswith("Finished in")


async def test_reply_follows_a_run_only_so_long(world: World) -> None:
    world.settings["run_timeout_minutes"] = 0.01
    await world.restart_bot()
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)

    assert await world.reply(Stage.FAILED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1) is still running after 0 s; it continues, but the bot no longer follows it.

Next: `/codegen status 1` shows its progress.\
""")
