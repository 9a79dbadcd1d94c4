"""Real payloads as GitHub publishes them, sent to the whole bot: nearly all are irrelevant."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.github.events import sign
from tests.harness.log_lines import lines, logged
from tests.harness.server import SECRET
from tests.harness.world import World, world_at

EXAMPLES = Path(__file__).parents[3] / "shared" / "specs" / "github-webhook-examples.json"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="GitHub's published payloads are not here")


def published() -> list[tuple[str, dict[str, Any]]]:
    """Every payload with its event's name, dated today: old events are ignored."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = EXAMPLES.read_text() if EXAMPLES.exists() else "[]"
    events = json.loads(re.sub(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]{0,8}"', f'"{now}"', text))
    return [(event["name"], payload) for event in events for payload in event["examples"]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(tmp_path / "bot.sqlite") as world:
        yield world


async def deliver(session: aiohttp.ClientSession, world: World, event: str, document: object, *, guid: str) -> int:
    body = json.dumps(document).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(body, SECRET),
    }
    async with session.post(f"{world.url}/webhooks/github", data=body, headers=headers) as response:
        await response.read()
        return response.status


async def test_published_payloads_are_acknowledged(world: World) -> None:
    examples = published()
    assert len(examples) >= 55
    for _, payload in examples:
        if "repository" in payload:
            payload["repository"]["full_name"] = "octo/shop"  # one that the bot sees

    with logged() as log:
        async with aiohttp.ClientSession() as session:
            statuses = {
                f"{number} {event} {payload.get('action')}": await deliver(
                    session, world, event, payload, guid=f"guid-{number}"
                )
                for number, (event, payload) in enumerate(examples)
            }

    assert {name: status for name, status in statuses.items() if status != 200} == {}
    assert world.codegen.runs == {}
    # Whether a label is one of the bot's stands in the config files, the owner's and the repository's: asked for once,
    # and whether the bot would see one.
    asked = [(entry.method, entry.path.rpartition("/contents/")[2]) for entry in world.github.control.journal]
    files = ("codegen-bot.yml", "codegen-bot.yaml", ".github/codegen-bot.yml", ".github/codegen-bot.yaml", "")
    assert sorted(asked) == sorted(("GET", file) for file in files)
    assert [line for line in lines(log) if line["level"] in {"warning", "error", "critical"}] == []


async def test_published_comment_with_command_is_executed(world: World) -> None:
    """So the payloads above were really parsed. Its repository does not exist in the world, so the bot is refused."""
    comments = [payload for event, payload in published() if event == "issue_comment"]
    payload = next(payload for payload in comments if payload["action"] == "created")
    payload["comment"]["body"] = "/codegen run fix it"

    async with aiohttp.ClientSession() as session:
        assert await deliver(session, world, "issue_comment", payload, guid="guid-1") == 202
    login, repository = payload["comment"]["user"]["login"], payload["repository"]["full_name"]
    await world.github.until(
        lambda: world.requests("GET", f"/repos/{repository}/collaborators/{login}/permission") != []
    )
    assert world.codegen.runs == {}
