"""Where and how something can be said."""

from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World


async def test_several_commands_in_one_comment_get_a_reply_each(world: World) -> None:
    await world.says("bob", "Two things:\n\n/codegen run fix it\n- today\n\n/codegen help status\n/codegen nonsense")
    await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.settled(3)
    replies = sorted(comment.body.split("\n")[0] for comment in world.read_all())
    assert replies == snapshot(
        [
            "**status**: Shows how a run is; without a number, this thread's latest run.",
            "Finished in 0 s: [run 1](https://codegen.com/agent/trace/1).",
            "There is no command `nonsense`. `/codegen help` shows all there are. For example: `/codegen run fix the flaky checkout test`",
        ]
    )
    assert "fix it\n- today" in world.codegen.runs[1].prompt
    assert "help" not in world.codegen.runs[1].prompt.partition("===")[0]


async def test_an_edited_comment_runs_only_what_was_not_there_before(world: World) -> None:
    comment = await world.says("bob", "/codegen help status")
    await world.reply(Stage.FINISHED)

    await world.edits(comment, "Please:\n\n/codegen help status\n/codegen help run")

    assert (await world.reply(Stage.FINISHED)).startswith("**run**")
    assert len(world.bot_comments()) == 2


async def test_somebody_elses_edit_orders_nothing(world: World) -> None:
    """Whoever may edit comments could otherwise put words into another's mouth."""
    comment = await world.says("bob", "Hm.")

    await world.edits(comment, "/codegen run what alice wants", login="alice")
    await world.says("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1
    assert world.codegen.runs == {}


async def test_an_inline_review_comment_tells_the_agent_where_it_stands(world: World) -> None:
    comment = world.github.review_comment("bob", 1, "/codegen run round once here", path="app/checkout.py", line=3)
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    await world.reacted(comment, "eyes", "rocket")
    assert 'The comment is on the file: "app/checkout.py", line 3\n' in run.prompt
    assert "The diff under the comment:" in run.prompt


async def test_a_reviews_body_counts(world: World) -> None:
    world.github.review("bob", 1, "Nearly there.\n\n/codegen run do the rest")
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert "do the rest" in run.prompt


async def test_on_an_issue_the_agent_hears_of_the_issue(world: World) -> None:
    await world.says("alice", "/codegen run show the tax", number=2)
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    assert await world.reply(number=2) == snapshot("Accepted. Starting an agent run for this issue…")
    await world.reply(Stage.FINISHED, number=2)
    assert run.prompt.startswith("You work on the GitHub issue octo/shop#2: https://github.com/octo/shop/issues/2")
    assert "branch" not in run.prompt.partition("===")[0]


async def test_images_reach_the_agent(world: World) -> None:
    """Codegen takes an image as its data; an address is put into the prompt."""
    pixel = "data:image/png;base64,iVBORw0KGgo="
    await world.says("bob", f"/codegen run --image https://example.com/a.png -i {pixel} draw it like that")
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert run.images == [pixel]
    assert "Look at these images too:\nhttps://example.com/a.png\n" in run.prompt


async def test_what_was_not_meant_is_not_read(world: World) -> None:
    for text in ("> /codegen run a", "```\n/codegen run b\n```", "<!--\n/codegen run c\n-->", "Say `/codegen run d`."):
        await world.says("bob", text)
    await world.says("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert world.codegen.runs == {}
    assert len(world.bot_comments()) == 1


async def test_a_long_result_stays_within_githubs_limit(world: World) -> None:
    await world.says("bob", "/codegen run write a lot")
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Long.", result="```\n" + "word " * 40_000)

    reply = await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()[0].body) <= 65_536
    assert reply.endswith("A follow-up: `/codegen resume 1 <what to do next>`")
    assert "the run's page has the rest" in reply
