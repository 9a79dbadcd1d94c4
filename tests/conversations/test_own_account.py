"""The bot as a person's account, by `GITHUB_TOKEN`: it does not obey itself, and that person's own words still count."""

import pytest

from bot.text.markers import Marker, Stage, write
from tests.harness.world import World


async def two_runs(world: World) -> None:
    """Run 1 made pull request 1; run 2 was started there and made none."""
    await world.comment("bob", "/codegen run fix it", number=2)
    await world.codegen.run_created(1)
    world.codegen.finish(1, pull_request="octo/shop#1")
    await world.reply(Stage.FINISHED, number=2)
    await world.comment("bob", "/codegen run and this")
    await world.codegen.run_created(2)
    world.codegen.finish(2)
    await world.reply(Stage.FINISHED)


@pytest.mark.server_only(reason="without a database all runs of a thread share its star")
async def test_star_by_number_stars_no_other_run(world: World) -> None:
    """The label that shows the star is put on by alice, as whom the bot works."""
    await world.act_as("alice")
    await two_runs(world)

    await world.comment("bob", "/codegen star 1")
    await world.reply(Stage.FINISHED)
    await world.until_done(4)
    await world.comment("bob", "/codegen starred")

    stars = await world.reply(Stage.FINISHED)
    assert "[run 1]" in stars
    assert "[run 2]" not in stars


async def test_own_label_is_not_obeyed(world: World) -> None:
    await world.act_as("alice")
    await two_runs(world)

    await world.comment("bob", "/codegen ban-checks 1")
    await world.reply(Stage.FINISHED)
    await world.until_done(4)

    assert world.github.labels(1) == ["codegen:ban-checks"]
    assert world.requests("POST", "/agent/run/ban") == [{"agent_run_id": 1}]


async def test_own_comment_is_not_obeyed(world: World) -> None:
    """Whatever an agent's words have brought into it."""
    await world.act_as("alice")
    marker = write(Marker(identity="issue-comment-7-0-0", command="run", stage=Stage.FINISHED))

    await world.comment("alice", f"/codegen run everything\n\n{marker}")
    await world.until_done(1)

    assert world.codegen.runs == {}
    assert len(world.read_all()) == 1


async def test_own_comments_and_labels_of_the_person_count(world: World) -> None:
    await world.act_as("alice")

    await world.comment("alice", "/codegen run fix it")
    world.github.label("alice", 2, "codegen:run")
    await world.codegen.run_created(2)
    for number in (1, 2):
        world.codegen.finish(number)
    await world.until_reply(lambda body: "Finished" in body, number=1)
    await world.until_reply(lambda body: "Finished" in body, number=2)

    world.read_all()
    world.read_all(number=2)
    await world.github.until(lambda: world.github.labels(2) == [])
