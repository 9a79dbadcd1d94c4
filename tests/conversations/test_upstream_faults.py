"""Codegen or GitHub fail; the person gets an answer, and nothing is lost or done twice."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town


async def test_a_used_up_plan_is_told(town: Town) -> None:
    town.codegen.script(outcome="quota")
    comment = await town.says("bob", "/codegen run fix it")

    await town.reply(Stage.ACCEPTED)
    assert await town.reply() == snapshot("""\
Codegen starts no more agent runs: the plan's runs are used up (402).

> Agent run limit reached for this billing period.

Next: somebody who manages the Codegen organization raises the plan or awaits its renewal; then give the command again in a new comment.\
""")
    await town.reacted(comment, "eyes", "confused")


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
async def test_what_codegen_refuses_is_told(town: Town, status: int, expected: str) -> None:
    town.codegen.control.fault(path="/agent/run$", status=status, body={"detail": "Because."})
    await town.says("bob", "/codegen run fix it")

    await town.reply(Stage.ACCEPTED)
    assert await town.reply() == expected
    assert town.codegen.runs == {}


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
async def test_one_command_makes_one_run_whatever_becomes_of_the_answer(town: Town, fault: dict[str, object]) -> None:
    """The request may have arrived or not: the run list tells, before anything is sent again."""
    town.codegen.control.fault(path="/agent/run$", method="POST", **fault)
    await town.says("bob", "/codegen run fix it")

    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "drop", "after_work": True}], ids=str)
async def test_one_resume_makes_one_follow_up(town: Town, fault: dict[str, object]) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    town.codegen.control.fault(path="/agent/run/resume$", **fault)

    await town.says("bob", "/codegen resume go on")

    await town.reply(Stage.STARTED)
    town.codegen.finish(1, result="Went on.")
    assert "Went on." in await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs[1].prompts) == 2


async def test_a_codegen_that_stays_down_is_told_in_the_end(town: Town) -> None:
    town.codegen.control.fault(path="/agent/run", status=503, times=None)
    comment = await town.says("bob", "/codegen run fix it")

    await town.reply(Stage.ACCEPTED)
    reply = await town.reply(Stage.FAILED)
    # A job looks before it sends anything, and here it never could.
    in_doubt = "look at Codegen first, because it may have been done all the same; if not, "
    assert (in_doubt in reply) == (town.door == "server")
    assert reply.replace(in_doubt, "") == snapshot("""\
Codegen has a fault of its own, and trying again did not help (503).

> A scripted fault.

Next: give the command again in a new comment in a few minutes.\
""")
    await town.reacted(comment, "eyes", "confused")


async def test_a_codegen_that_is_down_while_a_run_works_is_waited_for(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    fault = town.codegen.control.fault(path="/agent/run", status=503, times=None)
    town.codegen.finish(1, result="Done meanwhile.")
    await town.codegen.until(lambda: any(entry.status == 503 for entry in town.codegen.control.journal))
    town.codegen.control.faults.remove(fault)

    assert "Done meanwhile." in await town.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"action": "drop"}, {"action": "drop", "after_work": True}], ids=str
)
async def test_one_command_gets_one_reply_whatever_github_does(town: Town, fault: dict[str, object]) -> None:
    """The comment may have been written although the answer was lost: it is looked for."""
    town.github.control.fault(path="/issues/1/comments$", method="POST", **fault)
    await town.says("bob", "/codegen help")

    await town.reply(Stage.FINISHED)
    assert len(town.bot_comments()) == 1


async def test_a_failed_reaction_never_fails_the_work(town: Town) -> None:
    town.github.control.fault(path="/reactions$", status=403, times=None)
    await town.says("bob", "/codegen help")

    await town.reply(Stage.FINISHED)


async def test_a_reply_that_somebody_deleted_is_written_again(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    town.github.delete(town.bot_comments()[0])
    town.codegen.finish(1, result="All done.")

    assert "All done." in await town.reply(Stage.FINISHED)


async def test_the_last_word_is_tried_until_github_takes_it(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    town.github.control.fault(path="/issues/comments/", method="PATCH", status=503, times=12)
    town.codegen.finish(1, result="All done.")

    assert "All done." in await town.reply(Stage.FINISHED)
