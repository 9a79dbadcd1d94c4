"""Codegen or GitHub fail; the person gets an answer, and nothing is lost or done twice."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_used_up_plan_is_reported(world: World) -> None:
    world.codegen.script(outcome="quota")
    comment = await world.comment("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    assert await world.reply() == snapshot("""\
Codegen starts no more agent runs: the plan's runs are used up (402).

> Agent run limit reached for this billing period.

Next: whoever manages the Codegen organization must raise the plan or wait for its renewal; then give the command again in a new comment.\
""")
    await world.reacted(comment, "eyes", "confused")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            401,
            snapshot("""\
`CODEGEN_API_TOKEN` is invalid: Codegen does not accept it (401).

> Because.

Next: the bot's operator must update it, for a workflow in the repository's secrets; then give the command again in a new comment.\
"""),
        ),
        (
            403,
            snapshot("""\
Codegen does not let the bot do this (403).

> Because.

Next: the bot's operator must give its token the permission; then give the command again in a new comment.\
"""),
        ),
        (
            422,
            snapshot("""\
Codegen did not accept the request (422).

> Because.

Next: change the command as its message says; then give the command again in a new comment.\
"""),
        ),
    ],
)
@either_entry_point
async def test_what_codegen_refuses_is_reported(world: World, status: int, expected: str) -> None:
    world.codegen.control.fault(path="/agent/run$", status=status, body={"detail": "Because."})
    await world.comment("bob", "/codegen run fix it")

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
async def test_command_creates_one_run_despite_lost_response(world: World, fault: dict[str, object]) -> None:
    """The request may have arrived or not: the run list tells, before anything is sent again."""
    world.codegen.control.fault(path="/agent/run$", method="POST", **fault)
    await world.comment("bob", "/codegen run fix it")

    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "drop", "after_work": True}], ids=str)
async def test_one_resume_makes_one_follow_up(world: World, fault: dict[str, object]) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    world.codegen.control.fault(path="/agent/run/resume$", **fault)

    await world.comment("bob", "/codegen resume go on")

    await world.reply(Stage.STARTED)
    world.codegen.finish(1, result="Went on.")
    assert "Went on." in await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs[1].prompts) == 2


async def test_lasting_outage_of_codegen_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/agent/run", status=503, times=None)
    comment = await world.comment("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    reply = await world.reply(Stage.FAILED)
    # A job looks before it sends anything, and here it never could.
    in_doubt = "check Codegen first, because it may have been done anyway; if not, "
    assert (in_doubt in reply) == (world.entry_point == "server")
    assert reply.replace(in_doubt, "") == snapshot("""\
Codegen failed, and retrying did not help (503).

> A scripted fault.

Next: give the command again in a new comment in a few minutes.\
""")
    await world.reacted(comment, "eyes", "confused")


async def test_codegen_that_is_down_while_a_run_works_is_waited_for(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    fault = world.codegen.control.fault(path="/agent/run", status=503, times=None)
    world.codegen.finish(1, result="Done meanwhile.")
    await world.codegen.until(lambda: any(entry.status == 503 for entry in world.codegen.control.journal))
    world.codegen.control.faults.remove(fault)

    assert "Done meanwhile." in await world.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    "fault", [{"status": 502}, {"action": "drop"}, {"action": "drop", "after_work": True}], ids=str
)
async def test_command_gets_one_reply_despite_github_faults(world: World, fault: dict[str, object]) -> None:
    """The comment may have been written although the answer was lost: it is looked for."""
    world.github.control.fault(path="/issues/1/comments$", method="POST", **fault)
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1


async def test_failed_reaction_never_fails_the_work(world: World) -> None:
    world.github.control.fault(path="/reactions$", status=403, times=None)
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)


async def test_deleted_reply_is_posted_again(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.delete(world.bot_comments()[0])
    world.codegen.finish(1, result="All done.")

    assert "All done." in await world.reply(Stage.FINISHED)


async def test_final_reply_is_retried_until_accepted(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.control.fault(path="/issues/comments/", method="PATCH", status=503, times=12)
    world.codegen.finish(1, result="All done.")

    assert "All done." in await world.reply(Stage.FINISHED)


LOCKED = {"status": 403, "body": {"message": "Unable to create comment because issue is locked."}, "times": None}


@pytest.mark.parametrize("command", ["help", "run fix it", "frobnicate"])
async def test_locked_thread_gets_confused_reaction(world: World, command: str) -> None:
    world.github.control.fault(path="/issues/1/comments$", method="POST", **LOCKED)
    comment = await world.comment("bob", f"/codegen {command}")

    await world.github.until(lambda: "confused" in [reaction.content for reaction in comment.reactions])
    await world.until_done(1)
    assert world.bot_comments() == []
    assert world.requests("POST", "/agent/run") == []


async def test_thread_locked_during_run_gets_confused_reaction(world: World) -> None:
    comment = await world.comment("bob", "/codegen run fix it")
    await world.reply(Stage.STARTED)
    world.github.control.fault(path="/issues/comments/", method="PATCH", **LOCKED)
    world.codegen.finish(1, result="All done.")

    await world.reacted(comment, "eyes", "confused")


LAGGING = [
    {"path": "/collaborators/bob/permission$", "method": "GET"},
    {"path": "/pulls/1$", "method": "GET"},
    {"path": "/issues/1/comments$", "method": "POST"},
]


@pytest.mark.parametrize("fault", LAGGING, ids=["permission", "pull request", "comment"])
async def test_command_waits_for_lagging_replicas(world: World, fault: dict[str, str]) -> None:
    """Right after its webhook, GitHub may not find what the webhook names."""
    world.github.control.fault(**fault, status=404, body={"message": "Not Found"}, times=2)
    await world.comment("bob", "/codegen run fix it")

    await world.reply(Stage.ACCEPTED)
    await world.reply(Stage.STARTED)
    assert len(world.requests(fault["method"], fault["path"].removesuffix("$"))) == 3


async def test_reaction_waits_for_lagging_replicas(world: World) -> None:
    world.github.control.fault(path="/reactions$", method="POST", status=404, body={"message": "Not Found"}, times=2)
    comment = await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    await world.reacted(comment, "eyes", "rocket")


async def test_label_waits_for_lagging_replicas(world: World) -> None:
    path = "/issues/1/labels$"
    world.github.control.fault(path=path, method="GET", status=404, body={"message": "Not Found"}, times=2)
    world.github.label("bob", 1, "codegen:run")

    await world.reply(Stage.ACCEPTED)
    await world.reply(Stage.STARTED)
