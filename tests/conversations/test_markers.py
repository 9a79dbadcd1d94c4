"""What replies remember by their hidden markers, and who is believed."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Marker, Stage, write
from tests.conversations.town import Town


async def test_a_marker_that_another_app_repeats_reaches_no_other_repository(town: Town) -> None:
    """An App that quotes what others write can be made to carry any marker; the run itself tells where it belongs."""
    run = town.codegen.start_elsewhere("Something secret")
    run.metadata = {"codegen_bot": {"identity": "x", "repository": "octo/other", "number": 1}, "multi_run_index": 1}
    town.codegen.finish(1, result="Secret.", pull_request="octo/other#5")
    town.github.add_bot("echo[bot]")
    marker = write(Marker(identity="x", command="multi-run", stage=Stage.FINISHED, runs=(1,)))
    await town.says("echo[bot]", f"Somebody wrote this.\n\n{marker}")

    await town.says("bob", "/codegen status")
    assert await town.reply(Stage.REFUSED) == snapshot(
        "Run 1 is not known to belong to this repository, so nothing of it is shown or changed here. Without a number, `/codegen status` shows this conversation's latest run."
    )
    await town.says("bob", "/codegen keep 1")
    assert (await town.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    assert town.requests("PATCH", "/prs/") == []


async def test_a_marker_that_a_person_writes_is_none(town: Town) -> None:
    marker = write(Marker(identity="x", command="run", stage=Stage.FINISHED, runs=(1,)))
    town.codegen.start_elsewhere("Something")
    await town.says("carol", f"Look.\n\n{marker}")

    await town.says("bob", "/codegen status")

    assert (await town.reply(Stage.REFUSED)).startswith("No agent run belongs to this conversation yet.")


@pytest.mark.parametrize(
    "inside", ['"id": ' + "[" * 60_000, '"runs": [1e999], "id": "", "command": "", "state": "started"']
)
async def test_marker_that_cannot_be_read_is_none(town: Town, inside: str) -> None:
    """Anybody may write one, and every command of the thread reads it."""
    town.codegen.start_elsewhere("Something")
    await town.says("carol", f"<!-- codegen-bot {{{inside}}} -->")

    await town.says("bob", "/codegen status")

    assert (await town.reply(Stage.REFUSED)).startswith("No agent run belongs to this conversation yet.")


async def test_what_the_actions_reply_remembers_the_server_finds_and_the_other_way_round(town: Town) -> None:
    """A team moves from one door to the other: the replies of both are by Apps."""
    other = "github-actions[bot]" if town.door == "server" else "codegen-bot[bot]"
    run = town.codegen.start_elsewhere("Fix it")
    run.metadata = {"codegen_bot": {"identity": "y", "repository": "octo/shop", "number": 2}}
    town.codegen.finish(1, summary="Done elsewhere.")
    marker = write(Marker(identity="y", command="run", stage=Stage.FINISHED, runs=(1,)))
    await town.says(other, f"Finished.\n\n{marker}")
    town.read_all()

    await town.says("bob", "/codegen status")

    assert "Done elsewhere." in await town.reply(Stage.FINISHED)
