"""The bot as a person's account, by `GITHUB_TOKEN`: it does not obey itself, and that person's own words still count."""

import pytest

from bot.replies.markers import Marker, Stage, write
from tests.conversations.town import Town


async def two_runs(town: Town) -> None:
    """Run 1 made pull request 1; run 2 was started there and made none."""
    await town.says("bob", "/codegen run fix it", number=2)
    await town.codegen.run_created(1)
    town.codegen.finish(1, pull_request="octo/shop#1")
    await town.reply(Stage.FINISHED, number=2)
    await town.says("bob", "/codegen run and this")
    await town.codegen.run_created(2)
    town.codegen.finish(2)
    await town.reply(Stage.FINISHED)


@pytest.mark.server_only(reason="without a database all runs of a thread share its star")
async def test_star_by_number_stars_no_other_run(town: Town) -> None:
    """The label that shows the star is put on by alice, as whom the bot works."""
    await town.works_as("alice")
    await two_runs(town)

    await town.says("bob", "/codegen star 1")
    await town.reply(Stage.FINISHED)
    await town.until_done(4)
    await town.says("bob", "/codegen starred")

    stars = await town.reply(Stage.FINISHED)
    assert "[run 1]" in stars
    assert "[run 2]" not in stars


async def test_own_label_is_not_obeyed(town: Town) -> None:
    await town.works_as("alice")
    await two_runs(town)

    await town.says("bob", "/codegen ban-checks 1")
    await town.reply(Stage.FINISHED)
    await town.until_done(4)

    assert town.github.labels(1) == ["codegen:ban-checks"]
    assert town.requests("POST", "/agent/run/ban") == [{"agent_run_id": 1}]


async def test_own_comment_is_not_obeyed(town: Town) -> None:
    """Whatever an agent's words have brought into it."""
    await town.works_as("alice")
    marker = write(Marker(identity="issue-comment-7-0-0", command="run", stage=Stage.FINISHED))

    await town.says("alice", f"/codegen run everything\n\n{marker}")
    await town.until_done(1)

    assert town.codegen.runs == {}
    assert len(town.read_all()) == 1


async def test_the_persons_own_words_and_work_labels_count(town: Town) -> None:
    await town.works_as("alice")

    await town.says("alice", "/codegen run fix it")
    town.github.label("alice", 2, "codegen:run")
    await town.codegen.run_created(2)
    for number in (1, 2):
        town.codegen.finish(number)
    await town.until_reply(lambda body: "Finished" in body, number=1)
    await town.until_reply(lambda body: "Finished" in body, number=2)

    town.read_all()
    town.read_all(number=2)
    await town.github.until(lambda: town.github.labels(2) == [])
