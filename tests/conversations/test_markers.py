"""What replies remember by their hidden markers, and who is believed."""

from typing import Any

import pytest

from bot.text.markers import Marker, Stage, write
from tests.harness.world import World

SAID = {"codegen_bot": {"identity": "x", "repository": "octo/shop", "number": 1}}
"""The mark of a run that was started on pull request 1."""

APPS = ["github-actions[bot]", "echo[bot]"]
"""The first is every workflow of the repository; in the Action it is the bot as well."""


def marker(*runs: int, command: str = "run") -> str:
    return write(Marker(identity="x", command=command, stage=Stage.FINISHED, runs=runs))


async def repeated(world: World, login: str, words: str) -> None:
    """An App quotes what somebody has written, hidden lines and all."""
    world.github.add_bot(login)
    await world.comment(login, f"Somebody wrote this.\n\n{words}")
    world.read_all()


@pytest.mark.parametrize("login", APPS)
@pytest.mark.parametrize("metadata", [None, {"codegen_bot": {"identity": "x", "repository": "octo/shop", "number": 2}}])
async def test_repeated_marker_of_foreign_run_is_ignored(
    world: World, login: str, metadata: dict[str, Any] | None
) -> None:
    """Run 1 was asked for in Codegen itself, or on another thread."""
    world.codegen.start_elsewhere("For the board.", metadata=metadata)
    world.codegen.finish(1, result="BOARD MINUTES")
    await repeated(world, login, marker(1))

    for who, words in (("carol", "status"), ("carol", "cancel"), ("bob", "resume and now?"), ("bob", "close")):
        await world.comment(who, f"/codegen {words}")
        assert (await world.reply(Stage.REFUSED)).startswith("No agent run belongs to this thread yet.")
    assert len(world.codegen.runs[1].prompts) == 1


@pytest.mark.parametrize("login", APPS)
async def test_repeated_marker_reaches_no_other_repository(world: World, login: str) -> None:
    world.codegen.start_elsewhere("Something secret", metadata={**SAID, "multi_run_index": 1})
    world.codegen.finish(1, result="Secret.", pull_request="octo/other#5")
    await repeated(world, login, marker(1, command="multi-run"))

    for words in ("keep 1", "resume go on", "remove", "close"):
        await world.comment("bob", f"/codegen {words}")
        reply = await world.reply(Stage.REFUSED)
        assert reply.startswith(("Run 1 also involves other repositories", "Run 1 is not known to belong"))
        assert "octo/other" not in reply
    assert world.requests("PATCH", "/prs/") == []
    assert len(world.codegen.runs[1].prompts) == 1
    assert world.codegen.runs[1].flags == set()


async def test_marker_that_a_person_writes_is_none(world: World) -> None:
    world.codegen.start_elsewhere("Something", metadata=SAID)
    world.codegen.start_elsewhere("Something")
    await world.comment("carol", f"Look.\n\n{marker(2)}")

    await world.comment("bob", "/codegen logs")

    assert "[Run 1]" in await world.reply(Stage.FINISHED)


@pytest.mark.parametrize(
    "inside", ['"id": ' + "[" * 60_000, '"runs": [1e999], "id": "", "command": "", "state": "started"']
)
async def test_marker_that_cannot_be_read_is_none(world: World, inside: str) -> None:
    """Anybody may write one, and every command of the thread reads it."""
    world.codegen.start_elsewhere("Something")
    await world.comment("carol", f"<!-- codegen-bot {{{inside}}} -->")

    await world.comment("bob", "/codegen status")

    assert (await world.reply(Stage.REFUSED)).startswith("No agent run belongs to this thread yet.")


async def test_server_and_action_read_each_others_markers(world: World) -> None:
    """A team moves from one to the other: the replies of both are by Apps, and the runs say what they are for."""
    other = "github-actions[bot]" if world.entry_point == "server" else "codegen-bot[bot]"
    world.codegen.start_elsewhere("Fix it", metadata=SAID)
    world.codegen.finish(1, summary="Done elsewhere.")
    await world.comment(other, f"Finished.\n\n{marker(1)}")
    world.read_all()

    await world.comment("carol", "/codegen status")

    assert "Done elsewhere." in await world.reply(Stage.FINISHED)


async def test_mark_alone_shows_no_run_to_readers(world: World) -> None:
    """Whoever may start runs at Codegen can write any metadata."""
    world.codegen.start_elsewhere("Fix it", metadata=SAID)
    world.codegen.finish(1, summary="Look at this.")

    for words in ("status 1", "status"):
        await world.comment("carol", f"/codegen {words}")
        assert (await world.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    await world.comment("bob", "/codegen status 1")
    assert "Look at this." in await world.reply(Stage.FINISHED)


@pytest.mark.parametrize("command", ["cancel", "star", "status", "ban-checks", "close", "keep"])
async def test_marker_of_a_command_that_only_touched_is_no_latest_run(world: World, command: str) -> None:
    """Earlier versions wrote such ones."""
    world.codegen.start_elsewhere("Fix it")
    world.codegen.open_pull_request(1, "octo/shop#12")
    await world.comment(world.bot_login, f"Whatever.\n\n{marker(1, command=command)}")
    world.read_all()

    await world.comment("bob", "/codegen close")

    assert (await world.reply(Stage.REFUSED)).startswith("No agent run belongs to this thread yet.")


@pytest.mark.parametrize("words", ["cancel 1", "status 1", "star 1"])
async def test_command_that_only_touches_a_run_is_not_its_start(world: World, words: str) -> None:
    """A reader must not choose what a maintainer's `close` means."""
    world.codegen.start_elsewhere("Fix it")
    world.codegen.open_pull_request(1, "octo/shop#1")
    await world.comment("carol" if "star" not in words else "bob", f"/codegen {words}", number=2)
    await world.reply(Stage.FINISHED, number=2)

    for meant in ("close", "resume go on", "ban-checks"):
        await world.comment("bob", f"/codegen {meant}", number=2)
        reply = await world.reply(Stage.REFUSED, number=2)
        assert reply.startswith("No agent run belongs to this thread yet.")
    assert world.requests("PATCH", "/prs/") == []
