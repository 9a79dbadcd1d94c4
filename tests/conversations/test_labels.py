"""Labels that ask for work: they act once, on issues and pull requests, and come off when the work is done."""

import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.emulators.github.webhooks import Delivery
from bot.github.events import sign
from bot.text.markers import Stage
from tests.harness.server import SECRET
from tests.harness.world import World


async def sends_a_copy(world: World, delivery: Delivery, *, guid: str) -> int:
    """Somebody has the body and the signature of a delivery, and sends both under a GUID of their own."""
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(delivery.body, SECRET),
    }
    url = f"{world.url}/webhooks/github"
    async with aiohttp.ClientSession() as session, session.post(url, data=delivery.body, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    ("number", "asked"),
    [
        (1, "Finish this pull request: do what its description asks for and is still missing."),
        (2, "Resolve this issue: do what its description asks for."),
    ],
)
async def test_run_label_starts_an_agent(world: World, number: int, asked: str) -> None:
    world.github.label("bob", number, "codegen:run")
    run = await world.codegen.run_created(1)
    world.codegen.finish(1, result="Done.")

    assert "Done." in await world.reply(Stage.FINISHED, number=number)
    await world.github.until(lambda: world.github.labels(number) == [])
    assert "You were asked by bob by a label." in run.prompt
    assert asked in run.prompt


async def test_multi_run_label_starts_several(world: World) -> None:
    world.github.label("bob", 1, "codegen:multi-run")
    await world.codegen.run_created(3)
    for number in (1, 2, 3):
        world.codegen.fail(number)

    assert (await world.reply(Stage.FAILED)).startswith("None of the 3 attempts succeeded.")
    await world.github.until(lambda: world.github.labels(1) == [])


@pytest.mark.server_only(reason="GitHub delivers webhooks again, but starts no workflow twice")
async def test_label_delivered_again_starts_nothing(world: World) -> None:
    world.github.label("bob", 1, "codegen:run")
    await world.reply(Stage.STARTED)

    world.github.redeliver(world.github.deliveries[0])
    await world.github.idle()
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1


@pytest.mark.server_only(reason="only a server takes deliveries")
async def test_label_delivery_copied_under_new_guids_does_nothing(world: World) -> None:
    world.github.label("bob", 1, "codegen:run")
    await world.reply(Stage.STARTED)
    captured = world.github.deliveries[0]
    assert await sends_a_copy(world, captured, guid="copy-1") == 202
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.github.until(lambda: world.github.labels(1) == [])

    assert await sends_a_copy(world, captured, guid="copy-2") == 202
    world.github.redeliver(captured)
    await world.comment("carol", "/codegen help help")

    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 2


@pytest.mark.server_only(reason="only a server takes deliveries")
async def test_label_that_is_off_by_now_asks_for_nothing(world: World) -> None:
    """Its delivery comes late, or somebody has kept it until nobody remembers that it was done."""
    world.github.label("bob", 1, "codegen:run")
    await world.reply(Stage.STARTED)
    world.codegen.finish(1)
    await world.reply(Stage.FINISHED)
    await world.github.until(lambda: world.github.labels(1) == [])
    unknown = json.loads(world.github.deliveries[0].body)
    unknown["pull_request"]["updated_at"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    world.github.deliveries[0].body = json.dumps(unknown).encode()

    assert await sends_a_copy(world, world.github.deliveries[0], guid="copy-1") == 202
    await world.until_done(2)

    assert len(world.codegen.runs) == 1
    assert len(world.bot_comments()) == 1


@pytest.mark.parametrize("name", ["codegen:run", "codegen:starred"])
async def test_label_that_cannot_be_looked_up_starts_nothing(world: World, name: str) -> None:
    world.github.control.fault(path="/issues/1/labels$", method="GET", status=403)

    world.github.label("bob", 1, name)

    assert (await world.reply(Stage.FAILED)).startswith("GitHub does not let the bot do this (403).")
    assert world.codegen.runs == {}


async def test_put_on_a_second_time_it_acts_a_second_time(world: World) -> None:
    for number in (1, 2):
        world.github.label("bob", 1, "codegen:run")
        await world.codegen.run_created(number)
        world.codegen.finish(number)
        await world.reply(Stage.FINISHED)
        await world.github.until(lambda: world.github.labels(1) == [])
        world.advance(seconds=1)

    assert len(world.codegen.runs) == 2


async def test_taking_it_off_while_the_run_works_changes_nothing(world: World) -> None:
    world.github.label("bob", 1, "codegen:run")
    await world.reply(Stage.STARTED)

    world.github.unlabel("bob", 1, "codegen:run")
    await world.github.idle()
    world.codegen.finish(1)

    await world.reply(Stage.FINISHED)


async def test_label_without_permission_is_refused_and_removed(world: World) -> None:
    world.github.label("carol", 1, "codegen:run")

    assert await world.reply() == snapshot("`carol` needs `write` access for this, and has `read`. Ask `alice`.")
    await world.github.until(lambda: world.github.labels(1) == [])
    assert world.codegen.runs == {}


async def test_bots_label_is_refused(world: World) -> None:
    world.github.add_bot("renovate[bot]")
    world.github.label("renovate[bot]", 1, "codegen:run")

    assert (await world.reply(Stage.REFUSED)).startswith("`renovate[bot]` is a bot")
    await world.github.until(lambda: world.github.labels(1) == [])


async def test_label_comes_off_when_the_work_failed(world: World) -> None:
    world.codegen.script(outcome="quota")
    world.github.label("bob", 1, "codegen:run")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen starts no more agent runs")
    await world.github.until(lambda: world.github.labels(1) == [])


async def test_other_labels_start_nothing(world: World) -> None:
    world.github.label("bob", 1, "bug")
    world.github.unlabel("bob", 1, "bug")
    await world.comment("bob", "/codegen help")

    await world.reply(Stage.FINISHED)
    assert world.codegen.runs == {}
