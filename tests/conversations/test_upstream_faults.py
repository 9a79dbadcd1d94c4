"""Codegen or GitHub fail; the person gets an answer, and nothing is lost or done twice."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


async def test_a_used_up_plan_is_reported(world: World) -> None:
    world.codegen.script(outcome="quota")
    comment = await world.says("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    assert await world.reply() == snapshot("""\
Codegen starts no more agent runs: the plan's runs are used up (402).

> Agent run limit reached for this billing period.

Next: somebody who manages the Codegen organization raises the plan or awaits its renewal; then give the command again in a new comment.\
""")
    await world.reacted(comment, "eyes", "confused")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            401,
            snapshot("""\
Codegen does not accept the bot's token (401).

> Because.

Next: whoever runs the bot renews `CODEGEN_API_TOKEN`; then give the command again in a new comment.\
"""),
        ),
        (
            403,
            snapshot("""\
Codegen does not let the bot do this (403).

> Because.

Next: whoever runs the bot gives its token the right; then give the command again in a new comment.\
"""),
        ),
        (
            422,
            snapshot("""\
Codegen did not accept the request (422).

> Because.

Next: change the command as it says; then give the command again in a new comment.\
"""),
        ),
    ],
)
async def test_what_codegen_refuses_is_reported(world: World, status: int, expected: str) -> None:
    world.codegen.control.fault(path="/agent/run$", status=status, body={"detail": "Because."})
    await world.says("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    assert await world.reply() == expected
    assert world.codegen.runs == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 502, "after_work": True},
        {"action": "drop"},
        {"action": "drop", "after_work": True},
        {"action": "truncate"},
        {"status": 429, "headers": {"Retry-After": "0"}},
    ],
    ids=str,
)
async def test_one_command_makes_one_run_whatever_becomes_of_the_answer(world: World, fault: dict[str, object]) -> None:
    """The request may have arrived or not: the run list tells, before anything is sent again."""
    world.codegen.control.fault(path="/agent/run$", method="POST", **fault)
    await world.says("bob", "/codegen run fix it")

    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "drop", "after_work": True}], ids=str)
async def test_one_resume_makes_one_follow_up(world: World, fault: dict[str, object]) -> None:
    await world.says("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    world.codegen.control.fault(path="/agent/run/resume$", **fault)

    await world.says("bob", "/codegen resume go on")

    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result="Went on.")
    assert "Went on." in await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs[1].prompts) == 2


async def test_a_codegen_that_stays_down_is_told_in_the_end(world: World) -> None:
    world.codegen.control.fault(path="/agent/run", status=503, times=None)
    comment = await world.says("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    reply = await world.reply(Stage.FAILED)
    # A job looks before it sends anything, and here it never could.
    in_doubt = "look at Codegen first, because it may have been done all the same; if not, "
    assert (in_doubt in reply) == (world.entry_point == "server")
    assert reply.replace(in_doubt, "") == snapshot("""\
Codegen has a fault of its own, and trying again did not help (503).

> A scripted fault.

Next: give the command again in a new comment in a few minutes.\
""")
    await world.reacted(comment, "eyes", "confused")


async def test_a_codegen_that_is_down_while_a_run_works_is_waited_for(world: World) -> None:
    await world.says("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    fault = world.codegen.control.fault(path="/agent/run", status=503, times=None)
    world.codegen.finish(1, result="Done meanwhile.")
    await world.codegen.until(lambda: any(entry.status == 503 for entry in world.codegen.control.journal))
    world.codegen.control.faults.remove(fault)

    assert "Done meanwhile." in await world.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"action": "drop"}, {"action": "drop", "after_work": True}], ids=str
)
async def test_one_command_gets_one_reply_whatever_github_does(world: World, fault: dict[str, object]) -> None:
    """The comment may have been written although the answer was lost: it is looked for."""
    world.github.control.fault(path="/issues/1/comments$", method="POST", **fault)
    await world.says("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1


async def test_a_failed_reaction_never_fails_the_work(world: World) -> None:
    world.github.control.fault(path="/reactions$", status=403, times=None)
    await world.says("bob", "/codegen help")

    await world.reply(Stage.FINISHED)


async def test_a_reply_that_somebody_deleted_is_written_again(world: World) -> None:
    await world.says("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.delete(world.bot_comments()[0])
    world.codegen.finish(1, result="All done.")

    assert "All done." in await world.reply(Stage.FINISHED)


async def test_the_last_word_is_tried_until_github_takes_it(world: World) -> None:
    await world.says("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.control.fault(path="/issues/comments/", method="PATCH", status=503, times=12)
    world.codegen.finish(1, result="All done.")

    assert "All done." in await world.reply(Stage.FINISHED)
