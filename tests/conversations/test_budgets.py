"""Budgets: agent runs a day, and what is said where one is used up."""

from inline_snapshot import snapshot

from bot.text.markers import Marker, Stage, write
from tests.harness.world import World


def has(world: World, text: str) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = text


async def test_used_up_daily_quota_reports_its_reset(world: World) -> None:
    has(world, "budgets:\n  runs-per-person-a-day: 1\n")
    world.at("21:00")
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)

    comment = await world.comment("bob", "/codegen run fix that")
    assert await world.reply(Stage.REFUSED) == snapshot("""\
The budget for `bob` in this repository is 1 agent run a day (`runs-per-person-a-day`); 1 are used, and this run is one too many.

Next: the count resets at 00:00 UTC, in 3 h. Whoever may change the config file can raise the limit.\
""")
    await world.reacted(comment, "eyes", "-1")

    await world.comment("alice", "/codegen run fix that")
    await world.codegen.run_created(2)
    world.codegen.finish(2)
    await world.reply(Stage.FINISHED)

    world.advance(hours=3)
    await world.comment("bob", "/codegen run fix that")
    await world.codegen.run_created(3)
    world.codegen.finish(3)
    await world.reply(Stage.FINISHED)


async def test_multi_run_counts_its_attempts_and_the_synthesis(world: World) -> None:
    has(world, "budgets:\n  runs-per-repository-a-day: 3\n")

    world.at("12:00")
    await world.comment("bob", "/codegen multi-run -n 3 try it")
    assert await world.reply(Stage.REFUSED) == snapshot("""\
The budget for this repository is 3 agent runs a day (`runs-per-repository-a-day`); 0 are used, and these 4 runs are too many.

Next: the count resets at 00:00 UTC, in 12 h. Whoever may change the config file can raise the limit.\
""")
    await world.comment("bob", "/codegen multi-run -n 2 try it")
    await world.codegen.run_created(2)
    for number in (1, 2):
        world.codegen.fail(number)
    await world.reply(Stage.FAILED)
    await world.comment("bob", "/codegen run fix it")
    assert (await world.reply(Stage.REFUSED)).startswith("The budget for this repository is 3 agent runs a day")


async def test_thread_has_its_own_budget(world: World) -> None:
    has(world, "budgets:\n  runs-per-thread-a-day: 1\n")
    for number in (1, 2):
        await world.comment("bob", "/codegen run fix it", number=number)
        await world.codegen.run_created(number)
        world.codegen.finish(number)
        await world.reply(Stage.FINISHED, number=number)

    await world.comment("alice", "/codegen run fix it")

    assert (await world.reply(Stage.REFUSED)).startswith("The budget for this thread is 1 agent run a day")


async def test_what_starts_no_run_costs_nothing(world: World) -> None:
    has(world, "budgets:\n  runs-per-person-a-day: 1\n")
    for _ in range(3):
        await world.comment("bob", "/codegen help status")
        await world.reply(Stage.FINISHED)
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def follow_up(world: World, login: str, run: int, *, number: int = 1) -> None:
    """One that the budget lets through."""
    await world.comment(login, f"/codegen resume {run} and a test", number=number)
    await world.reply(Stage.STARTED, number=number)
    world.codegen.finish(run, result=f"Follow-up {len(world.codegen.runs[run].prompts)}.")
    await world.reply(Stage.FINISHED, number=number)


async def one_run(world: World) -> None:
    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(1)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)


async def test_resume_after_the_days_last_run_is_refused(world: World) -> None:
    has(world, "budgets:\n  runs-per-person-a-day: 1\n")
    world.at("12:00")
    await one_run(world)

    comment = await world.comment("bob", "/codegen resume and a test")

    assert await world.reply(Stage.REFUSED) == snapshot("""\
The budget for `bob` in this repository is 1 agent run a day (`runs-per-person-a-day`); 1 are used, and this run is one too many.

Next: the count resets at 00:00 UTC, in 12 h. Whoever may change the config file can raise the limit.\
""")
    await world.reacted(comment, "eyes", "-1")
    assert len(world.codegen.runs[1].prompts) == 1


async def test_resume_counts_for_later_commands(world: World) -> None:
    """For the person, and for the thread and the repository."""
    has(world, "budgets:\n  runs-per-person-a-day: 3\n  runs-per-repository-a-day: 4\n")
    world.at("12:00")
    await one_run(world)
    await follow_up(world, "bob", 1)
    await follow_up(world, "bob", 1, number=2)

    await world.comment("bob", "/codegen resume 1 and another")
    assert (await world.reply(Stage.REFUSED)).startswith(
        "The budget for `bob` in this repository is 3 agent runs a day"
    )
    await follow_up(world, "alice", 1)
    await world.comment("alice", "/codegen run that too")
    assert (await world.reply(Stage.REFUSED)).startswith("The budget for this repository is 4 agent runs a day")


async def test_resume_of_yesterday_is_not_counted(world: World) -> None:
    has(world, "budgets:\n  runs-per-thread-a-day: 2\n")
    world.at("21:00")
    await one_run(world)
    await follow_up(world, "bob", 1)

    world.advance(hours=4)

    await follow_up(world, "bob", 1)
    await follow_up(world, "bob", 1)


async def test_resume_that_was_refused_costs_nothing(world: World) -> None:
    has(world, "budgets:\n  runs-per-thread-a-day: 1\n")
    world.at("12:00")
    world.codegen.start_elsewhere("Something else")
    world.codegen.finish(1, pull_request="octo/docs#3")
    for _ in range(2):
        await world.comment("bob", "/codegen resume 1 go on")
        await world.reply(Stage.REFUSED)

    await world.comment("bob", "/codegen run fix it")
    await world.codegen.run_created(2)
    world.codegen.finish(2)
    await world.reply(Stage.FINISHED)


async def test_repeated_marker_costs_no_quota(world: World) -> None:
    """An App that quotes others can be made to carry any marker."""
    has(world, "budgets:\n  runs-per-person-a-day: 1\n")
    world.at("12:00")
    said = await world.comment("bob", "Nice.")
    world.github.add_bot("echo[bot]")
    for identity in ("issue-comment-7-abc-0", f"issue-comment-{said.id}-abc-0", "step-1"):
        marker = write(Marker(identity=identity, command="resume", stage=Stage.FINISHED, runs=(1,)))
        await world.comment("echo[bot]", f"Somebody wrote this.\n\n{marker}")

    await one_run(world)
