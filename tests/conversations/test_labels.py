"""Labels that ask for work: they act once, on issues and pull requests, and come off when the work is done."""

import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.emulator.github.webhooks import Delivery
from bot.github.signature import sign
from bot.replies.markers import Stage
from tests.conversations.town import SECRET, Town


async def sends_a_copy(town: Town, delivery: Delivery, *, guid: str) -> int:
    """Somebody has the body and the signature of a delivery, and sends both under a GUID of their own."""
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(delivery.body, SECRET),
    }
    url = f"{town.url}/webhooks/github"
    async with aiohttp.ClientSession() as session, session.post(url, data=delivery.body, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        (1, "Finish this pull request: do what its description asks for and is still missing."),
        (2, "Resolve this issue: do what its description asks for."),
    ],
)
async def test_the_run_label_starts_an_agent(town: Town, number: int, asked: str) -> None:
    town.github.label("bob", number, "codegen:run")
    run = await town.codegen.run_created(1)
    town.codegen.finish(1, result="Done.")

    assert "Done." in await town.reply(Stage.FINISHED, number=number)
    await town.github.until(lambda: town.github.labels(number) == [])
    assert "You were asked by bob by a label." in run.prompt
    assert asked in run.prompt


async def test_the_multi_run_label_starts_several(town: Town) -> None:
    town.github.label("bob", 1, "codegen:multi-run")
    await town.codegen.run_created(3)
    for number in (1, 2, 3):
        town.codegen.fail(number)

    assert (await town.reply(Stage.FAILED)).startswith("None of the 3 attempts succeeded.")
    await town.github.until(lambda: town.github.labels(1) == [])


@pytest.mark.server_only(reason="GitHub delivers webhooks again, but starts no workflow twice")
async def test_a_label_delivered_again_starts_nothing(town: Town) -> None:
    town.github.label("bob", 1, "codegen:run")
    await town.reply(Stage.STARTED)

    town.github.redeliver(town.github.deliveries[0])
    await town.github.idle()
    town.codegen.finish(1)

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1


@pytest.mark.server_only(reason="only a server takes deliveries")
async def test_label_delivery_copied_under_new_guids_does_nothing(town: Town) -> None:
    town.github.label("bob", 1, "codegen:run")
    await town.reply(Stage.STARTED)
    captured = town.github.deliveries[0]
    assert await sends_a_copy(town, captured, guid="copy-1") == 202
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    await town.github.until(lambda: town.github.labels(1) == [])

    assert await sends_a_copy(town, captured, guid="copy-2") == 202
    town.github.redeliver(captured)
    await town.says("carol", "/codegen help help")

    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 2


@pytest.mark.server_only(reason="only a server takes deliveries")
async def test_label_that_is_off_by_now_asks_for_nothing(town: Town) -> None:
    """Its delivery comes late, or somebody has kept it until nobody remembers that it was done."""
    town.github.label("bob", 1, "codegen:run")
    await town.reply(Stage.STARTED)
    town.codegen.finish(1)
    await town.reply(Stage.FINISHED)
    await town.github.until(lambda: town.github.labels(1) == [])
    unknown = json.loads(town.github.deliveries[0].body)
    unknown["pull_request"]["updated_at"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    town.github.deliveries[0].body = json.dumps(unknown).encode()

    assert await sends_a_copy(town, town.github.deliveries[0], guid="copy-1") == 202
    await town.until_done(2)

    assert len(town.codegen.runs) == 1
    assert len(town.bot_comments()) == 1


@pytest.mark.parametrize("name", ["codegen:run", "codegen:starred"])
async def test_label_that_cannot_be_looked_up_starts_nothing(town: Town, name: str) -> None:
    town.github.control.fault(path="/issues/1/labels$", method="GET", status=403)

    town.github.label("bob", 1, name)

    assert (await town.reply(Stage.FAILED)).startswith("GitHub does not let the bot do this (403).")
    assert town.codegen.runs == {}


async def test_put_on_a_second_time_it_acts_a_second_time(town: Town) -> None:
    for number in (1, 2):
        town.github.label("bob", 1, "codegen:run")
        await town.codegen.run_created(number)
        town.codegen.finish(number)
        await town.reply(Stage.FINISHED)
        await town.github.until(lambda: town.github.labels(1) == [])
        town.passes(seconds=1)

    assert len(town.codegen.runs) == 2


async def test_taking_it_off_while_the_run_works_changes_nothing(town: Town) -> None:
    town.github.label("bob", 1, "codegen:run")
    await town.reply(Stage.STARTED)

    town.github.unlabel("bob", 1, "codegen:run")
    await town.github.idle()
    town.codegen.finish(1)

    await town.reply(Stage.FINISHED)


async def test_somebody_who_may_not_is_told_and_the_label_comes_off(town: Town) -> None:
    town.github.label("carol", 1, "codegen:run")

    assert await town.reply() == snapshot(
        "`carol` may not do this here: it takes `write` access, and `carol` has `read`. `alice` can."
    )
    await town.github.until(lambda: town.github.labels(1) == [])
    assert town.codegen.runs == {}


async def test_a_bots_label_is_refused(town: Town) -> None:
    town.github.add_bot("renovate[bot]")
    town.github.label("renovate[bot]", 1, "codegen:run")

    assert (await town.reply(Stage.REFUSED)).startswith("`renovate[bot]` is a bot")
    await town.github.until(lambda: town.github.labels(1) == [])


async def test_the_label_comes_off_when_the_work_failed(town: Town) -> None:
    town.codegen.script(outcome="quota")
    town.github.label("bob", 1, "codegen:run")

    assert (await town.reply(Stage.FAILED)).startswith("Codegen starts no more agent runs")
    await town.github.until(lambda: town.github.labels(1) == [])


async def test_other_labels_are_nobodys_order(town: Town) -> None:
    town.github.label("bob", 1, "bug")
    town.github.unlabel("bob", 1, "bug")
    await town.says("bob", "/codegen help")

    await town.reply(Stage.FINISHED)
    assert town.codegen.runs == {}
