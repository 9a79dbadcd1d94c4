"""While GitHub refuses the bot's token, commands are kept, and carried out once it is accepted again."""

from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.log_lines import lines, logged
from tests.harness.world import World

pytestmark = pytest.mark.server_only(reason="a workflow's job ends, and its token is always valid")


def events(text: object, name: str) -> list[str]:
    return [line["event"] for line in lines(text) if line["event"] == name]  # type: ignore[arg-type]


async def test_command_is_carried_out_after_a_restart_with_a_good_token(world: World) -> None:
    world.settings["github_token"] = "wrong"
    await world.restart_bot()
    with logged() as log:
        comment = await world.comment("alice", "/codegen run fix the flaky test")
        await world.github.until(lambda: bool(events(log, "command.held")))
    assert (comment.reactions, world.bot_comments(), world.codegen.runs) == ([], [], {})

    del world.settings["github_token"]
    await world.restart_bot()
    await world.codegen.run_created(1)
    world.codegen.finish(1, result="Done.")
    assert (await world.reply(Stage.FINISHED)).startswith("Finished in ")
    await world.reacted(comment, "eyes", "rocket")
    world.github.redeliver(world.github.webhooks.deliveries[-1])
    await world.github.idle()
    assert (len(world.codegen.runs), len(world.read_all())) == (1, 1)


@pytest.mark.parametrize("text", ["/codegen run fix the flaky test", "/codegen whoami", "/codegen nonsense"])
async def test_command_is_carried_out_when_the_token_works_again(world: World, text: str) -> None:
    world.github.control.fault(path=".*", status=401, times=None, body={"message": "Bad credentials"})
    with logged() as log:
        await world.comment("alice", text)
        await world.github.until(lambda: bool(events(log, "command.held")))
        world.github.control.faults.clear()
        await world.github.until(lambda: bool(world.bot_comments()))
    if "run" in text:
        await world.codegen.run_created(1)
        world.codegen.finish(1)
        await world.reply(Stage.FINISHED)
    await world.settled(1)
    world.read_all()
    assert events(log, "command.unanswered") == []


async def test_final_reply_is_posted_when_the_token_works_again(world: World) -> None:
    """The run is not started again."""
    await world.comment("alice", "/codegen run fix the flaky test")
    await world.codegen.run_created(1)
    await world.reply(Stage.STARTED)
    world.github.control.fault(path=".*", status=401, times=None, body={"message": "Bad credentials"})
    with logged() as log:
        world.codegen.finish(1, result="Done.")
        await world.github.until(lambda: bool(events(log, "command.held")))
    world.github.control.faults.clear()
    assert (await world.reply(Stage.FINISHED)).startswith("Finished in ")
    assert (len(world.codegen.runs), len(world.read_all())) == (1, 1)


async def test_command_that_alone_is_refused_is_given_up_in_the_end(world: World) -> None:
    """The account works, and yet GitHub refuses this one reply for its credential."""
    world.timing["retry_delay"] = 0.01
    await world.restart_bot()
    world.github.control.fault(method="POST", path="/issues/1/comments$", status=401, times=None)
    with logged() as log:
        await world.comment("alice", "/codegen help")
        await world.until_done(1)
    assert (events(log, "command.held"), events(log, "command.unanswered")) == snapshot(
        (["command.held"] * 5, ["command.unanswered"])
    )
