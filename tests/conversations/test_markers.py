"""What replies remember by their hidden markers, and who is believed."""

from typing import Any

import pytest

from bot.replies.markers import Marker, Stage, write
from tests.conversations.town import Town

SAID = {"codegen_bot": {"identity": "x", "repository": "octo/shop", "number": 1}}
"""The mark of a run that was started on pull request 1."""

APPS = ["github-actions[bot]", "echo[bot]"]
"""The first is every workflow of the repository; in the Action it is the bot as well."""


def marker(*runs: int, command: str = "run") -> str:
    return write(Marker(identity="x", command=command, stage=Stage.FINISHED, runs=runs))


async def repeated(town: Town, login: str, words: str) -> None:
    """An App quotes what somebody has written, hidden lines and all."""
    town.github.add_bot(login)
    await town.says(login, f"Somebody wrote this.\n\n{words}")
    town.read_all()


@pytest.mark.parametrize("login", APPS)
@pytest.mark.parametrize("metadata", [None, {"codegen_bot": {"identity": "x", "repository": "octo/shop", "number": 2}}])
async def test_repeated_marker_of_a_run_for_elsewhere_counts_for_nothing(
    town: Town, login: str, metadata: dict[str, Any] | None
) -> None:
    """Run 1 was asked for in Codegen itself, or on another thread."""
    town.codegen.start_elsewhere("For the board.", metadata=metadata)
    town.codegen.finish(1, result="BOARD MINUTES")
    await repeated(town, login, marker(1))

    for who, words in (("carol", "status"), ("carol", "cancel"), ("bob", "resume and now?"), ("bob", "close")):
        await town.says(who, f"/codegen {words}")
        assert (await town.reply(Stage.REFUSED)).startswith("No agent run belongs to this conversation yet.")
    assert len(town.codegen.runs[1].prompts) == 1


@pytest.mark.parametrize("login", APPS)
async def test_repeated_marker_reaches_no_other_repository(town: Town, login: str) -> None:
    town.codegen.start_elsewhere("Something secret", metadata={**SAID, "multi_run_index": 1})
    town.codegen.finish(1, result="Secret.", pull_request="octo/other#5")
    await repeated(town, login, marker(1, command="multi-run"))

    for words in ("keep 1", "resume go on", "remove", "close"):
        await town.says("bob", f"/codegen {words}")
        reply = await town.reply(Stage.REFUSED)
        assert reply.startswith(("Run 1 has to do with other repositories as well", "Run 1 is not known to belong"))
        assert "octo/other" not in reply
    assert town.requests("PATCH", "/prs/") == []
    assert len(town.codegen.runs[1].prompts) == 1
    assert town.codegen.runs[1].flags == set()


async def test_a_marker_that_a_person_writes_is_none(town: Town) -> None:
    town.codegen.start_elsewhere("Something", metadata=SAID)
    town.codegen.start_elsewhere("Something")
    await town.says("carol", f"Look.\n\n{marker(2)}")

    await town.says("bob", "/codegen logs")

    assert "[Run 1]" in await town.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    "inside", ['"id": ' + "[" * 60_000, '"runs": [1e999], "id": "", "command": "", "state": "started"']
)
async def test_marker_that_cannot_be_read_is_none(town: Town, inside: str) -> None:
    """Anybody may write one, and every command of the thread reads it."""
    town.codegen.start_elsewhere("Something")
    await town.says("carol", f"<!-- codegen-bot {{{inside}}} -->")

    await town.says("bob", "/codegen status")

    assert (await town.reply(Stage.REFUSED)).startswith("No agent run belongs to this conversation yet.")


async def test_marker_of_actions_and_servers_reply_is_understood_by_both(town: Town) -> None:
    """A team moves from one to the other: the replies of both are by Apps, and the runs say what they are for."""
    other = "github-actions[bot]" if town.door == "server" else "codegen-bot[bot]"
    town.codegen.start_elsewhere("Fix it", metadata=SAID)
    town.codegen.finish(1, summary="Done elsewhere.")
    await town.says(other, f"Finished.\n\n{marker(1)}")
    town.read_all()

    await town.says("carol", "/codegen status")

    assert "Done elsewhere." in await town.reply(Stage.FINISHED)


async def test_mark_alone_shows_a_run_to_nobody_who_may_not_write(town: Town) -> None:
    """Whoever may start runs at Codegen can write any metadata."""
    town.codegen.start_elsewhere("Fix it", metadata=SAID)
    town.codegen.finish(1, summary="Look at this.")

    for words in ("status 1", "status"):
        await town.says("carol", f"/codegen {words}")
        assert (await town.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    await town.says("bob", "/codegen status 1")
    assert "Look at this." in await town.reply(Stage.FINISHED)


@pytest.mark.parametrize("command", ["cancel", "star", "status", "ban-checks", "close", "keep"])
async def test_marker_of_a_command_that_only_touched_is_no_latest_run(town: Town, command: str) -> None:
    """Earlier versions wrote such ones."""
    town.codegen.start_elsewhere("Fix it")
    town.codegen.open_pull_request(1, "octo/shop#12")
    await town.says(town.bot_login, f"Whatever.\n\n{marker(1, command=command)}")
    town.read_all()

    await town.says("bob", "/codegen close")

    assert (await town.reply(Stage.REFUSED)).startswith("No agent run belongs to this conversation yet.")


@pytest.mark.parametrize("words", ["cancel 1", "status 1", "star 1"])
async def test_command_that_only_touches_a_run_does_not_make_it_the_latest(town: Town, words: str) -> None:
    """A reader must not choose what a maintainer's `close` means."""
    town.codegen.start_elsewhere("Fix it")
    town.codegen.open_pull_request(1, "octo/shop#1")
    await town.says("carol" if "star" not in words else "bob", f"/codegen {words}", number=2)
    await town.reply(Stage.FINISHED, number=2)

    for meant in ("close", "resume go on", "ban-checks"):
        await town.says("bob", f"/codegen {meant}", number=2)
        reply = await town.reply(Stage.REFUSED, number=2)
        assert reply.startswith("No agent run belongs to this conversation yet.")
    assert town.requests("PATCH", "/prs/") == []
