"""What may be a command, as long as the config that says so cannot be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.emulators.github import Comment
from bot.execution.outcome import ExitStatus
from bot.execution.reply import Reason
from bot.github.events import sign
from bot.text.markers import Stage
from tests.harness.server import SECRET
from tests.harness.world import World, world_at

CONFIG = "prefix: /bot\nlabels: {run: robot}\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Only a server can wait."""
    async with world_at(tmp_path / "bot.sqlite") as world:
        yield world


def has_config(world: World) -> None:
    world.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG


def github_fails(world: World, status: int = 503) -> None:
    """Nobody knows the config yet."""
    world.github.control.fault(path="/contents/", times=None, status=status, body={"message": "Not just now."})


def github_recovers(world: World) -> None:
    world.github.control.faults.clear()


async def refused(world: World, login: str, text: str) -> Comment:
    """Somebody writes a comment that the bot does not take."""
    comment = await world.comment(login, text)
    assert world.github.deliveries[-1].status_code == 503
    return comment


async def finished(world: World, runs: int = 1) -> None:
    """The runs are there, and end."""
    await world.codegen.run_created(runs)
    world.codegen.finish(runs)
    await world.reply(Stage.FINISHED)
    assert len(world.codegen.runs) == runs


async def test_command_is_carried_out_when_the_config_can_be_read(world: World) -> None:
    has_config(world)
    github_fails(world)
    await refused(world, "bob", "/bot run fix it")
    delivery = world.github.deliveries[-1]

    github_recovers(world)
    await finished(world)

    # GitHub's own second try, which may come at any time, changes nothing.
    world.github.redeliver(delivery)
    await world.github.idle()
    assert world.github.deliveries[-1].status_code == 202
    assert len(world.codegen.runs) == 1


async def test_label_is_obeyed_when_the_config_can_be_read(world: World) -> None:
    has_config(world)
    github_fails(world)
    world.github.label("bob", 1, "robot")
    await world.github.idle()
    assert world.github.deliveries[-1].status_code == 503

    github_recovers(world)

    await finished(world)


async def test_edit_is_obeyed_when_the_config_can_be_read(world: World) -> None:
    has_config(world)
    github_fails(world)
    comment = await world.comment("bob", "Well.")
    await world.edit(comment, "Well.\n\n/bot run fix it")
    assert world.github.deliveries[-1].status_code == 503

    github_recovers(world)

    await finished(world)


async def test_slow_github_loses_no_command(world: World) -> None:
    has_config(world)
    world.timing["config_timeout"] = 0.05
    await world.restart_bot()
    world.github.control.fault(path="/shop/contents/", times=1, action="slow", delay=1.0)

    await refused(world, "bob", "/bot run fix it")

    await finished(world)


async def test_deferred_command_survives_a_restart(world: World) -> None:
    has_config(world)
    github_fails(world)
    await refused(world, "bob", "/bot run fix it")

    await world.stop_bot()
    github_recovers(world)
    await world.start_bot()

    await finished(world)


async def test_several_deferred_events_are_tried_each(world: World) -> None:
    has_config(world)
    github_fails(world)
    await refused(world, "bob", "/lgtm")
    await refused(world, "bob", "/bot run fix it")
    await refused(world, "bob", "/codegen run not this one")

    github_recovers(world)

    await finished(world)


async def test_missed_comment_is_taken_when_the_config_can_be_read(world: World) -> None:
    """With a token that may not read the log of deliveries: the comments themselves are read."""
    has_config(world)
    await knows_repository(world)
    await world.stop_bot()
    await world.comment("bob", "/bot run fix it")
    github_fails(world)
    world.timing["missed_every"] = 0.02
    await world.start_bot()
    await world.github.until(lambda: len(world.requests("GET", "/shop/contents/")) > 20)

    github_recovers(world)

    await finished(world)


async def knows_repository(world: World) -> None:
    """The repository's hook says hello."""
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "repository": {"full_name": "octo/shop"}}
    body = json.dumps(ping).encode()
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "p-1", "X-Hub-Signature-256": sign(body, SECRET)}
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json", **headers}) as session:
        assert (await session.post(f"{world.url}/webhooks/github", data=body)).status == 200


async def test_command_is_answered_when_the_config_stays_unreadable(world: World) -> None:
    github_fails(world)
    await refused(world, "bob", "/codegen run fix it")

    world.advance(minutes=31)

    assert await world.reply(Stage.FAILED) == snapshot("""\
The config file `octo/.github/codegen-bot.yml` cannot be read (GitHub: 503 Not just now.), and no earlier version of it is known. What it forbids is not known either, so only `help` works.

Next: give the command again in a new comment in a few minutes.\
""")
    assert world.codegen.runs == {}


async def test_last_good_config_applies_while_github_fails(world: World) -> None:
    has_config(world)
    await world.comment("bob", "/bot help help")
    await world.reply(Stage.FINISHED)
    await world.until_done(1)
    await world.restart_bot()
    github_fails(world)

    await world.comment("bob", "/codegen run not this one")
    assert world.github.deliveries[-1].status_code == 200
    await world.comment("bob", "/bot run fix it")

    await finished(world)


@pytest.mark.parametrize(("status", "reason"), [(503, Reason.UNREACHABLE), (403, Reason.FORBIDDEN)])
async def test_job_fails_if_config_cannot_be_read(tmp_path: Path, status: int, reason: Reason) -> None:
    async with world_at(tmp_path / "bot.sqlite", entry_point="action") as world:
        has_config(world)
        github_fails(world, status)
        await world.comment("bob", "/bot run fix it")
        assert world.jobs is not None
        await world.jobs.until_ended(1)

        ((outcome, exit_status),) = world.jobs.ended
        assert (outcome.reason, exit_status) == (reason, ExitStatus.FAILED)
        assert f"cannot be read (GitHub: {status} Not just now.)" in outcome.text
