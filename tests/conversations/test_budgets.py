"""Budgets: agent runs a day, and what is said where one is used up."""

from inline_snapshot import snapshot

from bot.replies.markers import Stage
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
