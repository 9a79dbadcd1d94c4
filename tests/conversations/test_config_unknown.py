"""What may be a command, as long as the config that says so cannot be read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from inline_snapshot import snapshot

from bot.emulator.github import Comment
from bot.github.signature import sign
from bot.outcome import ExitStatus
from bot.replies.markers import Stage
from bot.replies.reason import Reason
from tests.conversations.town import SECRET, Town, town_at

CONFIG = "prefix: /bot\nlabels: {run: robot}\n"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Only a server can wait."""
    async with town_at(tmp_path / "bot.sqlite") as town:
        yield town


def has_config(town: Town) -> None:
    town.github.world.files["main", ".github/codegen-bot.yml"] = CONFIG


def github_fails(town: Town, status: int = 503) -> None:
    """Nobody knows the config yet."""
    town.github.control.fault(path="/contents/", times=None, status=status, body={"message": "Not just now."})


def github_recovers(town: Town) -> None:
    town.github.control.faults.clear()


async def refused(town: Town, login: str, text: str) -> Comment:
    """Somebody writes a comment that the bot does not take."""
    comment = await town.says(login, text)
    assert town.github.deliveries[-1].status_code == 503
    return comment


async def finished(town: Town, runs: int = 1) -> None:
    """The runs are there, and end."""
    await town.codegen.run_created(runs)
    town.codegen.finish(runs)
    await town.reply(Stage.FINISHED)
    assert len(town.codegen.runs) == runs


async def test_command_is_carried_out_when_the_config_can_be_read(town: Town) -> None:
    has_config(town)
    github_fails(town)
    await refused(town, "bob", "/bot run fix it")
    delivery = town.github.deliveries[-1]

    github_recovers(town)
    await finished(town)

    # GitHub's own second try, which may come at any time, changes nothing.
    town.github.redeliver(delivery)
    await town.github.idle()
    assert town.github.deliveries[-1].status_code == 202
    assert len(town.codegen.runs) == 1


async def test_label_is_obeyed_when_the_config_can_be_read(town: Town) -> None:
    has_config(town)
    github_fails(town)
    town.github.label("bob", 1, "robot")
    await town.github.idle()
    assert town.github.deliveries[-1].status_code == 503

    github_recovers(town)

    await finished(town)


async def test_edit_is_obeyed_when_the_config_can_be_read(town: Town) -> None:
    has_config(town)
    github_fails(town)
    comment = await town.says("bob", "Well.")
    await town.edits(comment, "Well.\n\n/bot run fix it")
    assert town.github.deliveries[-1].status_code == 503

    github_recovers(town)

    await finished(town)


async def test_slow_github_loses_no_command(town: Town) -> None:
    has_config(town)
    town.config_patience = 0.05
    await town.restart_bot()
    town.github.control.fault(path="/shop/contents/", times=1, action="slow", delay=1.0)

    await refused(town, "bob", "/bot run fix it")

    await finished(town)


async def test_deferred_command_survives_a_restart(town: Town) -> None:
    has_config(town)
    github_fails(town)
    await refused(town, "bob", "/bot run fix it")

    await town.stop_bot()
    github_recovers(town)
    await town.start_bot()

    await finished(town)


async def test_several_deferred_events_are_tried_each(town: Town) -> None:
    has_config(town)
    github_fails(town)
    await refused(town, "bob", "/lgtm")
    await refused(town, "bob", "/bot run fix it")
    await refused(town, "bob", "/codegen run not this one")

    github_recovers(town)

    await finished(town)


async def test_missed_comment_is_taken_when_the_config_can_be_read(town: Town) -> None:
    """With a token that may not read the log of deliveries: the comments themselves are read."""
    has_config(town)
    await knows_repository(town)
    await town.stop_bot()
    await town.says("bob", "/bot run fix it")
    github_fails(town)
    town.missed_every = 0.02
    await town.start_bot()
    await town.github.until(lambda: len(town.requests("GET", "/shop/contents/")) > 20)

    github_recovers(town)

    await finished(town)


async def knows_repository(town: Town) -> None:
    """The repository's hook says hello."""
    ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "repository": {"full_name": "octo/shop"}}
    body = json.dumps(ping).encode()
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "p-1", "X-Hub-Signature-256": sign(body, SECRET)}
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json", **headers}) as session:
        assert (await session.post(f"{town.url}/webhooks/github", data=body)).status == 200


async def test_command_is_answered_when_the_config_stays_unreadable(town: Town) -> None:
    github_fails(town)
    await refused(town, "bob", "/codegen run fix it")

    town.passes(minutes=31)

    assert await town.reply(Stage.FAILED) == snapshot("""\
The config file `octo/.github/codegen-bot.yml` cannot be read (GitHub: 503 Not just now.), and no earlier version of it is known. What it forbids is not known either, so nothing but `help` works.

Next: give the command again in a new comment in a few minutes.\
""")
    assert town.codegen.runs == {}


async def test_last_good_config_tells_commands_while_github_fails(town: Town) -> None:
    has_config(town)
    await town.says("bob", "/bot help help")
    await town.reply(Stage.FINISHED)
    await town.restart_bot()
    github_fails(town)

    await town.says("bob", "/codegen run not this one")
    assert town.github.deliveries[-1].status_code == 200
    await town.says("bob", "/bot run fix it")

    await finished(town)


@pytest.mark.parametrize(("status", "reason"), [(503, Reason.UNREACHABLE), (403, Reason.FORBIDDEN)])
async def test_job_fails_where_it_cannot_tell_a_command(tmp_path: Path, status: int, reason: Reason) -> None:
    async with town_at(tmp_path / "bot.sqlite", door="action") as town:
        has_config(town)
        github_fails(town, status)
        await town.says("bob", "/bot run fix it")
        assert town.jobs is not None
        await town.jobs.until_ended(1)

        ((outcome, exit_status),) = town.jobs.ended
        assert (outcome.reason, exit_status) == (reason, ExitStatus.FAILED)
        assert f"cannot be read (GitHub: {status} Not just now.)" in outcome.text
