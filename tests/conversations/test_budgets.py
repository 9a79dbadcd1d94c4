"""Budgets: agent runs a day, and what is said where one is used up."""

from inline_snapshot import snapshot

from bot.replies.markers import Marker, Stage, write
from tests.conversations.town import Town


def has(town: Town, text: str) -> None:
    town.github.world.files["main", ".github/codegen-bot.yml"] = text


async def test_a_person_who_has_used_up_the_day_is_told_when_it_resets(town: Town) -> None:
    has(town, "budgets:\n  runs-per-person-a-day: 1\n")
    town.at("21:00")
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)

    comment = await town.says("bob", "/codegen run fix that")
    assert await town.reply(Stage.REFUSED) == snapshot("""\
The budget for `bob` in this repository is 1 agent run a day (`runs-per-person-a-day`); 1 are used, and this run is one too many.

Next: the count starts anew at 00:00 UTC, in 3 h. Somebody who may change the config file can raise the limit.\
""")
    await town.reacted(comment, "eyes", "-1")

    await town.says("alice", "/codegen run fix that")
    await town.codegen.run_created(2)
    town.codegen.finish(2)
    await town.reply(Stage.FINISHED)

    town.passes(hours=3)
    await town.says("bob", "/codegen run fix that")
    await town.codegen.run_created(3)
    town.codegen.finish(3)
    await town.reply(Stage.FINISHED)


async def test_a_multi_run_counts_its_attempts_and_the_synthesis(town: Town) -> None:
    has(town, "budgets:\n  runs-per-repository-a-day: 3\n")

    town.at("12:00")
    await town.says("bob", "/codegen multi-run -n 3 try it")
    assert await town.reply(Stage.REFUSED) == snapshot("""\
The budget for this repository is 3 agent runs a day (`runs-per-repository-a-day`); 0 are used, and these 4 runs are too many.

Next: the count starts anew at 00:00 UTC, in 12 h. Somebody who may change the config file can raise the limit.\
""")
    await town.says("bob", "/codegen multi-run -n 2 try it")
    await town.codegen.run_created(2)
    for number in (1, 2):
        town.codegen.fail(number)
    await town.reply(Stage.FAILED)
    await town.says("bob", "/codegen run fix it")
    assert (await town.reply(Stage.REFUSED)).startswith("The budget for this repository is 3 agent runs a day")


async def test_a_thread_has_its_own_budget(town: Town) -> None:
    has(town, "budgets:\n  runs-per-thread-a-day: 1\n")
    for number in (1, 2):
        await town.says("bob", "/codegen run fix it", number=number)
        await town.codegen.run_created(number)
        town.codegen.finish(number)
        await town.reply(Stage.FINISHED, number=number)

    await town.says("alice", "/codegen run fix it")

    assert (await town.reply(Stage.REFUSED)).startswith("The budget for this conversation is 1 agent run a day")


async def test_what_starts_no_run_costs_nothing(town: Town) -> None:
    has(town, "budgets:\n  runs-per-person-a-day: 1\n")
    for _ in range(3):
        await town.says("bob", "/codegen help status")
        await town.reply(Stage.FINISHED)
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def follow_up(town: Town, login: str, run: int, *, number: int = 1) -> None:
    """One that the budget lets through."""
    await town.says(login, f"/codegen resume {run} and a test", number=number)
    await town.reply(Stage.STARTED, number=number)
    town.codegen.finish(run, result=f"Follow-up {len(town.codegen.runs[run].prompts)}.")
    await town.reply(Stage.FINISHED, number=number)


async def one_run(town: Town) -> None:
    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(1)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)


async def test_resume_after_the_days_last_run_is_refused(town: Town) -> None:
    has(town, "budgets:\n  runs-per-person-a-day: 1\n")
    town.at("12:00")
    await one_run(town)

    comment = await town.says("bob", "/codegen resume and a test")

    assert await town.reply(Stage.REFUSED) == snapshot("""\
The budget for `bob` in this repository is 1 agent run a day (`runs-per-person-a-day`); 1 are used, and this run is one too many.

Next: the count starts anew at 00:00 UTC, in 12 h. Somebody who may change the config file can raise the limit.\
""")
    await town.reacted(comment, "eyes", "-1")
    assert len(town.codegen.runs[1].prompts) == 1


async def test_resume_counts_for_later_commands(town: Town) -> None:
    """For the person, and for the thread and the repository."""
    has(town, "budgets:\n  runs-per-person-a-day: 3\n  runs-per-repository-a-day: 4\n")
    town.at("12:00")
    await one_run(town)
    await follow_up(town, "bob", 1)
    await follow_up(town, "bob", 1, number=2)

    await town.says("bob", "/codegen resume 1 and another")
    assert (await town.reply(Stage.REFUSED)).startswith("The budget for `bob` in this repository is 3 agent runs a day")
    await follow_up(town, "alice", 1)
    await town.says("alice", "/codegen run that too")
    assert (await town.reply(Stage.REFUSED)).startswith("The budget for this repository is 4 agent runs a day")


async def test_resume_of_yesterday_is_not_counted(town: Town) -> None:
    has(town, "budgets:\n  runs-per-thread-a-day: 2\n")
    town.at("21:00")
    await one_run(town)
    await follow_up(town, "bob", 1)

    town.passes(hours=4)

    await follow_up(town, "bob", 1)
    await follow_up(town, "bob", 1)


async def test_resume_that_was_refused_costs_nothing(town: Town) -> None:
    has(town, "budgets:\n  runs-per-thread-a-day: 1\n")
    town.at("12:00")
    town.codegen.start_elsewhere("Something else")
    town.codegen.finish(1, pull_request="octo/docs#3")
    for _ in range(2):
        await town.says("bob", "/codegen resume 1 go on")
        await town.reply(Stage.REFUSED)

    await town.says("bob", "/codegen run fix it")
    await town.codegen.run_created(2)
    town.codegen.finish(2)
    await town.reply(Stage.FINISHED)


async def test_repeated_marker_uses_up_nobodys_budget(town: Town) -> None:
    """An App that quotes others can be made to carry any marker."""
    has(town, "budgets:\n  runs-per-person-a-day: 1\n")
    town.at("12:00")
    said = await town.says("bob", "Nice.")
    town.github.add_bot("echo[bot]")
    for identity in ("issue-comment-7-abc-0", f"issue-comment-{said.id}-abc-0", "step-1"):
        marker = write(Marker(identity=identity, command="resume", stage=Stage.FINISHED, runs=(1,)))
        await town.says("echo[bot]", f"Somebody wrote this.\n\n{marker}")

    await one_run(town)
