"""`star`, `unstar`, `starred`: the team's marks, as words and as a label, whichever comes first."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point

LABEL = "codegen:starred"


async def a_finished_run(world: World) -> None:
    """Its pull request is number 1."""
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Rounded | once.", pull_request="octo/shop#1")
    await world.reply(Stage.FINISHED, number=2)


async def test_star_becomes_a_label_on_the_runs_pull_request(world: World) -> None:
    await a_finished_run(world)

    comment = await world.comment("bob", "/codegen star", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label is on [octo/shop#1](https://github.com/octo/shop/pull/1).

All of them: `/codegen starred`\
""")
    assert world.github.labels(1) == [LABEL]
    assert world.github.labels(2) == []
    await world.reacted(comment, "eyes", "rocket")
    label = world.github.world.labels[LABEL]
    assert (label.color, label.description) == ("fbca04", "The team has starred a Codegen run of this")


async def test_second_star_changes_nothing(world: World) -> None:
    await a_finished_run(world)
    await world.comment("bob", "/codegen star 1", number=2)
    await world.reply(Stage.FINISHED, number=2)

    await world.comment("alice", "/codegen star 1", number=2)

    assert (await world.reply(Stage.FINISHED, number=2)).startswith(
        "[Run 1](https://codegen.com/agent/trace/1) is already starred"
    )
    assert world.github.labels(1) == [LABEL]


async def test_unstar_takes_the_label_off(world: World) -> None:
    await a_finished_run(world)
    await world.comment("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)

    await world.comment("alice", "/codegen unstar", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("Removed the star from run 1.")
    assert world.github.labels(1) == []


async def test_label_becomes_a_star(world: World) -> None:
    """Nothing is said: the label says it. Where it is all that there is of the star, nobody knows whose it was."""
    await a_finished_run(world)

    world.github.label("bob", 1, LABEL)
    await world.until_done(2)
    await world.comment("alice", "/codegen starred", number=2)

    whose = " `bob` | 0 s ago " if world.entry_point == "server" else "  |  "
    reply = await world.reply(Stage.FINISHED, number=2)
    assert f"|{whose}|" in reply
    assert reply.replace(whose, " WHOSE ") == snapshot("""\
1 run is starred.

| run | starred by | when | pull request | about |
| --- | --- | --- | --- | --- |
| [run 1](https://codegen.com/agent/trace/1) | WHOSE | [octo/shop#1](https://github.com/octo/shop/pull/1) | fix it |\
""")
    assert world.bot_comments(1) == []


async def test_taking_the_label_off_takes_the_star_away(world: World) -> None:
    await a_finished_run(world)
    await world.comment("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)
    await world.until_done(3)

    world.github.unlabel("alice", 1, LABEL)
    await world.until_done(4)
    await world.comment("alice", "/codegen starred", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot(
        "No run is starred yet. `/codegen star` stars this thread's latest."
    )


async def test_bots_own_labels_start_nothing(world: World) -> None:
    """Each star and unstar by comment sets a label, whose webhook comes back; it goes round once and no further."""
    await a_finished_run(world)
    for words in ("star", "unstar", "star"):
        await world.comment("bob", f"/codegen {words}", number=2)
        await world.reply(Stage.FINISHED, number=2)
        world.advance(seconds=1)

    await world.until_done(7)
    assert world.github.labels(1) == [LABEL]
    assert world.bot_comments(1) == []


async def test_star_label_without_permission_is_removed(world: World) -> None:
    await a_finished_run(world)

    world.github.label("carol", 1, LABEL)

    assert await world.reply() == snapshot("`carol` needs `write` access for this, and has `read`. Ask `alice`.")
    await world.github.until(lambda: world.github.labels(1) == [])
    await world.comment("bob", "/codegen starred")
    assert (await world.reply(Stage.FINISHED)).startswith("No run is starred yet.")


@either_entry_point
async def test_label_where_no_run_was_comes_off_again(world: World) -> None:
    world.github.label("bob", 1, LABEL)

    assert await world.reply() == snapshot(
        "No agent run belongs to this thread yet. Start one with `/codegen run <what to do>`, or name one by number: `/codegen star 7`"
    )
    await world.github.until(lambda: world.github.labels(1) == [])


@pytest.mark.server_only(reason="there the label is all that there is of a star")
async def test_label_that_cannot_be_set_is_reported(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#99")
    await world.reply(Stage.FINISHED)

    await world.comment("bob", "/codegen star")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label could not be changed on octo/shop#99: the bot or the author of the command may not write there, or it is gone.

All of them: `/codegen starred`\
""")


@pytest.mark.server_only(reason="there the label is all that there is of a star")
async def test_thread_full_of_labels_is_reported(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#1")
    await world.reply(Stage.FINISHED)
    for number in range(100):
        world.github.label("alice", 1, f"area:{number}")

    await world.comment("bob", "/codegen star")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label could not be added on octo/shop#1: GitHub allows 100 labels, and all are in use. Remove one, then give the command again.

All of them: `/codegen starred`\
""")


async def test_run_without_pull_request_is_starred_at_its_start(world: World) -> None:
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED, number=2)

    await world.comment("bob", "/codegen star", number=2)

    assert "The label is on octo/shop#2." in await world.reply(Stage.FINISHED, number=2)
    assert world.github.labels(2) == [LABEL]
    await world.comment("bob", "/codegen starred")
    assert (await world.reply(Stage.FINISHED)).startswith("1 run is starred.")

    await world.comment("bob", "/codegen unstar", number=2)
    assert (await world.reply(Stage.FINISHED, number=2)).startswith("Removed the star from run 1.")
    assert world.github.labels(2) == []


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen star 1")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `")


@either_entry_point
async def test_star_on_unknown_run_is_refused(world: World) -> None:
    await world.comment("bob", "/codegen star 99")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen did not find it (404).")


@either_entry_point
@pytest.mark.parametrize("name", ["star", "unstar"])
async def test_invalid_input_is_reported(world: World, name: str) -> None:
    await world.comment("bob", f"/codegen {name} this one")

    assert (await world.reply(Stage.REFUSED)).startswith(f"`{name}` takes a run number and nothing else.")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
@pytest.mark.parametrize(
    ("command", "method", "says"),
    [("star", "POST", "Starred [run 1]"), ("unstar", "DELETE", "Removed the star from run 1.")],
)
async def test_restart_during_star_keeps_its_reply(world: World, command: str, method: str, says: str) -> None:
    """The star is set or gone already when the story is told on, and by this very command."""
    await a_finished_run(world)
    if command == "unstar":
        await world.comment("bob", "/codegen star", number=2)
        await world.reply(Stage.FINISHED, number=2)
    world.github.control.fault(path="/issues/1/labels", method=method, action="hang", delay=30)
    await world.comment("bob", f"/codegen {command}", number=2)
    await world.github.until(lambda: world.requests(method, "/issues/1/labels"))

    await world.restart_bot()

    # Not the next word: the restart may have cut the first command's end off, which is told once more then.
    await world.until_reply(lambda body: body.startswith(says), number=2)
    world.read_all(number=2)


async def test_star_forged_mark_sets_no_label_on_the_thread_it_names(world: World) -> None:
    """Whoever may start runs at Codegen can write any metadata."""
    mark = {"repository": "octo/shop", "number": 2, "identity": "issue-comment-1-0", "command": "run"}
    world.codegen.start_elsewhere("Fix it.", metadata={"codegen_bot": mark})
    world.codegen.finish(1)

    await world.comment("bob", "/codegen star 1")

    await world.reply()
    await world.until_done(1)
    assert world.github.labels(2) == []


async def test_starred_forged_mark_claims_no_star(world: World) -> None:
    await a_finished_run(world)
    await world.comment("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)
    world.codegen.start_elsewhere("Mine.", metadata={"codegen_bot": {"repository": "octo/shop", "number": 1}})
    world.codegen.finish(2, summary="Look at this.")

    await world.comment("bob", "/codegen starred", number=2)

    reply = await world.reply(Stage.FINISHED, number=2)
    assert "[run 1]" in reply
    assert "[run 2]" not in reply


@pytest.mark.server_only(reason="a workflow's token reaches its own repository only")
async def test_star_label_in_another_repository_takes_rights_there(world: World) -> None:
    await a_finished_run(world)
    elsewhere = {**world.codegen.runs[1].pull_requests[0], "id": 99, "url": "https://github.com/octo/docs/pull/3"}
    world.codegen.runs[1].pull_requests.append(elsewhere)

    await world.comment("bob", "/codegen star 1", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label is on [octo/shop#1](https://github.com/octo/shop/pull/1).

All of them: `/codegen starred`\
""")
    assert world.github.labels(1) == [LABEL]
    assert world.requests("POST", "/octo/docs/") == []
