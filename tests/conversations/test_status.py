"""`status`: how a run is."""

from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.town import Town


async def test_status_shows_the_threads_latest_run(town: Town) -> None:
    """Carol may only read; asking how it goes is reading."""
    await town.says("bob", "/codegen run fix it")
    await town.reply(Stage.STARTED)
    town.codegen.move(1, "RUNNING")
    await town.reply(Stage.WORKING)
    town.passes(minutes=61)

    comment = await town.says("carol", "/codegen status")

    assert await town.reply(Stage.FINISHED) == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1): working, started 1 h 1 min ago. Codegen calls it `RUNNING`."
    )
    await town.reacted(comment, "eyes", "rocket")


async def test_status_of_a_finished_run_shows_what_it_did(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1, summary="Rounded once.", pull_request="octo/shop#12")
    await town.reply(Stage.FINISHED)

    await town.says("bob", "/codegen status 1")

    assert await town.reply(Stage.FINISHED) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): finished, started 0 s ago, with [octo/shop#12](https://github.com/octo/shop/pull/12). Codegen calls it `COMPLETE`.

Rounded once.

<details><summary>The agent's result</summary>

Done.

</details>

A follow-up: `/codegen resume 1 <what to do next>`\
""")


async def test_status_of_a_run_that_nobody_knows(town: Town) -> None:
    await town.says("bob", "/codegen status 99")

    assert await town.reply() == snapshot("""\
Codegen knows nothing of the kind (404).

> Agent run 99 not found.

Next: check the number; the bot sees only what belongs to its organization and this repository.\
""")


async def test_status_where_no_run_was(town: Town) -> None:
    await town.says("bob", "/codegen status")

    assert await town.reply() == snapshot(
        "No agent run belongs to this conversation yet. Start one with `/codegen run <what to do>`, or name one by its number: `/codegen status 7`"
    )


async def test_status_finds_a_run_by_the_pull_request_it_made(town: Town) -> None:
    """Somebody started a run in Codegen itself; its pull request is this one."""
    town.codegen.start_elsewhere("Fix the checkout")
    town.codegen.open_pull_request(1, "octo/shop#1")

    await town.says("bob", "/codegen status")

    assert await town.reply() == snapshot(
        "[Run 1](https://codegen.com/agent/trace/1): waiting to start, started 0 s ago, with [octo/shop#1](https://github.com/octo/shop/pull/1). Codegen calls it `PENDING`."
    )


async def test_status_on_an_issue(town: Town) -> None:
    await town.says("bob", "/codegen run fix it", number=2)
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED, number=2)

    await town.says("bob", "/codegen status", number=2)
    await town.says("bob", "/codegen status", number=1)

    assert await town.reply(number=2) == snapshot("""\
[Run 1](https://codegen.com/agent/trace/1): finished, started 0 s ago. Codegen calls it `COMPLETE`.

Done.

A follow-up: `/codegen resume 1 <what to do next>`\
""")
    assert "No agent run belongs to this conversation" in await town.reply(number=1)


async def test_a_run_of_another_repository_is_not_shown_here(town: Town) -> None:
    """The bot sees all of the organization's runs; whoever reads this thread may not. Nor is it resumed here."""
    town.codegen.start_elsewhere("Something private")
    town.codegen.finish(1, result="The private result.", pull_request="octo/secrets#1")

    for words in ("status 1", "resume 1 tell me more", "cancel 1", "star 1"):
        await town.says("alice", f"/codegen {words}")
        assert (await town.reply(Stage.REFUSED)).startswith("Run 1 is not known to belong to this repository")
    assert len(town.codegen.runs[1].prompts) == 1


async def test_a_run_of_no_known_repository_is_shown_to_writers_only(town: Town) -> None:
    town.codegen.start_elsewhere("Something")

    await town.says("carol", "/codegen status 1")
    assert await town.reply(Stage.REFUSED) == snapshot("""\
Run 1 is not known to belong to this repository, so nothing of it is shown or changed here.

Next: give the command where the run belongs, or use the dashboard or the command line, with a Codegen token of your own.\
""")
    await town.says("bob", "/codegen status 1")
    assert (await town.reply(Stage.FINISHED)).startswith("[Run 1]")
