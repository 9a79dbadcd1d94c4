"""Where and how something can be said."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_several_commands_in_one_comment_get_a_reply_each(world: World) -> None:
    await world.comment("bob", "Two things:\n\n/codegen run fix it\n- today\n\n/codegen help status\n/codegen nonsense")
    await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.settled(3)
    replies = sorted(comment.body.split("\n")[0] for comment in world.read_all())
    assert replies == snapshot(
        [
            "**status**: Shows the state of a run; without a number, of this thread's latest run.",
            "Finished in 0 s: [run 1](https://codegen.com/agent/trace/1).",
            "There is no command `nonsense`. `/codegen help` lists all commands. For example: `/codegen run fix the flaky checkout test`",
        ]
    )
    assert "fix it\n- today" in world.codegen.runs[1].prompt
    assert "help" not in world.codegen.runs[1].prompt.partition("===")[0]


async def test_edited_comment_runs_only_what_was_not_there_before(world: World) -> None:
    comment = await world.comment("bob", "/codegen help status")
    await world.reply(Stage.FINISHED)

    await world.edit(comment, "Please:\n\n/codegen help status\n/codegen help run")

    assert (await world.reply(Stage.FINISHED)).startswith("**run**")
    assert len(world.bot_comments()) == 2


@either_entry_point
async def test_edit_below_a_command_starts_no_second_run(world: World) -> None:
    comment = await world.comment("bob", "/codegen run fix teh login")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)

    await world.edit(comment, "/codegen run fix the login\n\nEDIT: thanks")
    reply = await world.reply(Stage.FINISHED)
    await world.edit(comment, "/codegen run fix the login\n\nEDIT: thanks a lot")
    await world.edit(comment, "/codegen run fix the login\n\nEDIT: thanks\n\n/codegen help status")

    assert reply.count("To go on with it: `/codegen resume 1 what was added`.") == 1
    assert (await world.reply(Stage.FINISHED)).startswith("**status**")
    assert [*world.codegen.runs] == [1]


@either_entry_point
async def test_edit_while_a_run_works_says_how_to_resume(world: World) -> None:
    comment = await world.comment("bob", "/codegen run fix the login")
    await world.codegen.run_created(1)

    await world.edit(comment, "/codegen run fix the login\n\nAnd the logout.")
    await world.edit(comment, "/codegen run fix the login\n\nAnd the logout, please.")
    world.codegen.finish(1)

    reply = await world.reply(Stage.FINISHED)
    assert reply.count("To go on with it: `/codegen resume 1 what was added`.") == 1
    assert [*world.codegen.runs] == [1]


@either_entry_point
async def test_corrected_word_gets_no_hint_to_resume(world: World) -> None:
    comment = await world.comment("bob", "Hi\n/codegen run fix teh login")
    await world.codegen.run_created(1)

    await world.edit(comment, "Hello!\n/codegen run fix the login")
    world.codegen.finish(1)

    assert "what was added" not in await world.reply(Stage.FINISHED)


@either_entry_point
async def test_edit_by_another_person_runs_nothing(world: World) -> None:
    """Whoever may edit comments could otherwise put words into another's mouth."""
    comment = await world.comment("bob", "Hm.")

    await world.edit(comment, "/codegen run what alice wants", login="alice")
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1
    assert world.codegen.runs == {}


@either_entry_point
async def test_review_comment_prompt_names_file_and_line(world: World) -> None:
    comment = world.github.review_comment("bob", 1, "/codegen run round once here", path="app/checkout.py", line=3)
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    await world.reacted(comment, "eyes", "rocket")
    assert 'The comment is on the file: "app/checkout.py", line 3\n' in run.prompt
    assert "The diff under the comment:" in run.prompt


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"line": None, "subject_type": "file"}, "on the whole of it"),
        ({"line": 1, "subject_type": "file"}, "on the whole of it"),
        ({"start_line": 1, "start_side": "RIGHT"}, "lines 1 to 3"),
        ({"side": "LEFT"}, "line 3 of the file before the change"),
        (
            {"start_line": 2, "start_side": "LEFT"},
            "from line 2 of the file before the change to line 3 of the changed file",
        ),
        (
            {"line": None, "original_line": 9},
            "line 9 as it was when the comment was written; it has been changed since",
        ),
    ],
)
async def test_review_comment_prompt_says_which_lines(world: World, place: dict[str, Any], expected: str) -> None:
    world.github.review_comment("bob", 1, "/codegen run round once here", **place)
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert f'The comment is on the file: "app/checkout.py", {expected}\n' in run.prompt


async def test_reviews_body_counts(world: World) -> None:
    world.github.review("bob", 1, "Nearly there.\n\n/codegen run do the rest")
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert "do the rest" in run.prompt


@either_entry_point
async def test_issue_prompt_describes_the_issue(world: World) -> None:
    await world.comment("alice", "/codegen run show the tax", number=2)
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    assert await world.reply(number=2) == snapshot("Accepted. Starting an agent run for this issue…")
    await world.reply(Stage.FINISHED, number=2)
    assert run.prompt.startswith(
        "You are working on the GitHub issue octo/shop#2: https://github.com/octo/shop/issues/2"
    )
    assert "branch" not in run.prompt.partition("===")[0]


@either_entry_point
async def test_images_reach_the_agent(world: World) -> None:
    """Codegen takes an image as its data; an address is put into the prompt."""
    pixel = "data:image/png;base64,iVBORw0KGgo="
    await world.comment("bob", f"/codegen run --image https://example.com/a.png -i {pixel} draw it like that")
    run = await world.codegen.run_created(1)
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert run.images == [pixel]
    assert "Look at these images too:\nhttps://example.com/a.png\n" in run.prompt


@either_entry_point
async def test_code_and_quotes_in_comment_are_not_read(world: World) -> None:
    for text in ("> /codegen run a", "```\n/codegen run b\n```", "<!--\n/codegen run c\n-->", "Say `/codegen run d`."):
        await world.comment("bob", text)
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert world.codegen.runs == {}
    assert len(world.bot_comments()) == 1


@either_entry_point
@either_entry_point
async def test_unseen_characters_before_the_prefix_are_ignored(world: World) -> None:
    await world.comment("bob", "\ufeff\xa0/codegen: help status")

    assert (await world.reply(Stage.FINISHED)).startswith("**status**")


@either_entry_point
async def test_message_quoted_by_outlook_is_not_read(world: World) -> None:
    header = f"{'_' * 32}\r\nFrom: bob <b@example.com>\r\nSent: Monday\r\nTo: octo/shop\r\nSubject: Re: Tax\r\n\r\n"
    await world.comment("alice", f"Thanks!\r\n\r\n{header}/codegen run fix the login")
    await world.comment("bob", f"/codegen help\r\n\r\n{header}/codegen run fix the login")

    await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()) == 1
    assert world.codegen.runs == {}


async def test_long_result_stays_within_githubs_limit(world: World) -> None:
    await world.comment("bob", "/codegen run write a lot")
    await world.codegen.run_created(1)
    world.codegen.finish(1, summary="Long.", result="```\n" + "word " * 40_000)

    reply = await world.reply(Stage.FINISHED)
    assert len(world.bot_comments()[0].body) <= 65_536
    assert reply.endswith("A follow-up: `/codegen resume 1 <what to do next>`")
    assert "the run's page has the rest" in reply
