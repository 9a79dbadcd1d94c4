"""`star`, `unstar`, `starred`: the team's marks, as words and as a label, whichever comes first."""

import pytest
from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World

LABEL = "codegen:starred"


async def a_finished_run(world: World) -> None:
    """Its pull request is number 1."""
    await world.says("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Rounded | once.", pull_request="octo/shop#1")
    await world.reply(Stage.FINISHED, number=2)


async def test_a_star_becomes_a_label_on_the_runs_pull_request(world: World) -> None:
    await a_finished_run(world)

    comment = await world.says("bob", "/codegen star", number=2)

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


async def test_a_second_star_changes_nothing(world: World) -> None:
    await a_finished_run(world)
    await world.says("bob", "/codegen star 1", number=2)
    await world.reply(Stage.FINISHED, number=2)

    await world.says("alice", "/codegen star 1", number=2)

    assert (await world.reply(Stage.FINISHED, number=2)).startswith(
        "[Run 1](https://codegen.com/agent/trace/1) is starred"
    )
    assert world.github.labels(1) == [LABEL]


async def test_unstar_takes_the_label_off(world: World) -> None:
    await a_finished_run(world)
    await world.says("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)

    await world.says("alice", "/codegen unstar", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("Took the star off run 1.")
    assert world.github.labels(1) == []


async def test_a_label_becomes_a_star(world: World) -> None:
    """Nothing is said: the label says it. Where it is all that there is of the star, nobody knows whose it was."""
    await a_finished_run(world)

    world.github.label("bob", 1, LABEL)
    await world.until_done(2)
    await world.says("alice", "/codegen starred", number=2)

    whose = " `bob` | 0 s ago " if world.entry_point == "server" else "  |  "
    reply = await world.reply(Stage.FINISHED, number=2)
    assert f"|{whose}|" in reply
    assert reply.replace(whose, " WHOSE ") == snapshot("""\
1 run is starred.

| run | starred by | when | pull request | about |
| --- | --- | --- | --- | --- |
| [run 1](https://codegen.com/agent/trace/1) | WHOSE | [octo/shop#1](https://github.com/octo/shop/pull/1) | Rounded \\| once. |\
""")
    assert world.bot_comments(1) == []


async def test_taking_the_label_off_takes_the_star_away(world: World) -> None:
    await a_finished_run(world)
    await world.says("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)
    await world.until_done(3)

    world.github.unlabel("alice", 1, LABEL)
    await world.until_done(4)
    await world.says("alice", "/codegen starred", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot(
        "No run is starred yet. `/codegen star` marks this thread's latest."
    )


async def test_the_bots_own_labels_start_nothing(world: World) -> None:
    """Each star and unstar by comment sets a label, whose webhook comes back; it goes round once and no further."""
    await a_finished_run(world)
    for words in ("star", "unstar", "star"):
        await world.says("bob", f"/codegen {words}", number=2)
        await world.reply(Stage.FINISHED, number=2)
        world.passes(seconds=1)

    await world.until_done(7)
    assert world.github.labels(1) == [LABEL]
    assert world.bot_comments(1) == []


async def test_a_label_of_somebody_who_may_not_comes_off_again(world: World) -> None:
    await a_finished_run(world)

    world.github.label("carol", 1, LABEL)

    assert await world.reply() == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. `alice` can."
    )
    await world.github.until(lambda: world.github.labels(1) == [])
    await world.says("bob", "/codegen starred")
    assert (await world.reply(Stage.FINISHED)).startswith("No run is starred yet.")


async def test_a_label_where_no_run_was_comes_off_again(world: World) -> None:
    world.github.label("bob", 1, LABEL)

    assert await world.reply() == snapshot(
        "No agent run belongs to this conversation yet. Start one with `/codegen run <what to do>`, or name one by its number: `/codegen star 7`"
    )
    await world.github.until(lambda: world.github.labels(1) == [])


@pytest.mark.server_only(reason="there the label is all that there is of a star")
async def test_a_label_that_cannot_be_set_is_reported(world: World) -> None:
    await world.says("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#99")
    await world.reply(Stage.FINISHED)

    await world.says("bob", "/codegen star")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label could not be changed on octo/shop#99: the bot or whoever asked may not write there, or it is gone.

All of them: `/codegen starred`\
""")


async def test_a_run_without_a_pull_request_is_starred_where_it_was_started(world: World) -> None:
    await world.says("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED, number=2)

    await world.says("bob", "/codegen star", number=2)

    assert "The label is on octo/shop#2." in await world.reply(Stage.FINISHED, number=2)
    assert world.github.labels(2) == [LABEL]
    await world.says("bob", "/codegen starred")
    assert (await world.reply(Stage.FINISHED)).startswith("1 run is starred.")

    await world.says("bob", "/codegen unstar", number=2)
    assert (await world.reply(Stage.FINISHED, number=2)).startswith("Took the star off run 1.")
    assert world.github.labels(2) == []


async def test_a_reader_may_not(world: World) -> None:
    await world.says("carol", "/codegen star 1")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` may not do this here")


async def test_a_star_on_a_run_that_nobody_knows(world: World) -> None:
    await world.says("bob", "/codegen star 99")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen knows nothing of the kind (404).")


@pytest.mark.parametrize("name", ["star", "unstar"])
async def test_invalid_input_is_reported(world: World, name: str) -> None:
    await world.says("bob", f"/codegen {name} this one")

    assert (await world.reply(Stage.REFUSED)).startswith(f"`{name}` takes a run's number and nothing else.")


@pytest.mark.server_only(reason="a job that ends with its process has no restart")
@pytest.mark.parametrize(
    ("command", "method", "says"),
    [("star", "POST", "Starred [run 1]"), ("unstar", "DELETE", "Took the star off run 1.")],
)
async def test_a_restart_in_the_middle_does_not_make_it_yesterdays_news(
    world: World, command: str, method: str, says: str
) -> None:
    """The star is set or gone already when the story is told on, and by this very command."""
    await a_finished_run(world)
    if command == "unstar":
        await world.says("bob", "/codegen star", number=2)
        await world.reply(Stage.FINISHED, number=2)
    world.github.control.fault(path="/issues/1/labels", method=method, action="hang", delay=30)
    await world.says("bob", f"/codegen {command}", number=2)
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

    await world.says("bob", "/codegen star 1")

    await world.reply()
    await world.until_done(1)
    assert world.github.labels(2) == []


async def test_starred_forged_mark_claims_no_star(world: World) -> None:
    await a_finished_run(world)
    await world.says("bob", "/codegen star", number=2)
    await world.reply(Stage.FINISHED, number=2)
    world.codegen.start_elsewhere("Mine.", metadata={"codegen_bot": {"repository": "octo/shop", "number": 1}})
    world.codegen.finish(2, summary="Look at this.")

    await world.says("bob", "/codegen starred", number=2)

    reply = await world.reply(Stage.FINISHED, number=2)
    assert "[run 1]" in reply
    assert "[run 2]" not in reply


@pytest.mark.server_only(reason="a workflow's token reaches its own repository only")
async def test_star_label_in_another_repository_takes_rights_there(world: World) -> None:
    await a_finished_run(world)
    elsewhere = {**world.codegen.runs[1].pull_requests[0], "id": 99, "url": "https://github.com/octo/docs/pull/3"}
    world.codegen.runs[1].pull_requests.append(elsewhere)

    await world.says("bob", "/codegen star 1", number=2)

    assert await world.reply(Stage.FINISHED, number=2) == snapshot("""\
Starred [run 1](https://codegen.com/agent/trace/1).

The label is on [octo/shop#1](https://github.com/octo/shop/pull/1).

All of them: `/codegen starred`\
""")
    assert world.github.labels(1) == [LABEL]
    assert world.requests("POST", "/octo/docs/") == []
