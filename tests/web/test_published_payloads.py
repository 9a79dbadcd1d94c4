"""Real payloads as GitHub publishes them, sent to the whole bot: nearly all are none of its business."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.github.signature import sign
from tests.conversations.town import SECRET, Town, town_at
from tests.log_lines import lines, logged

EXAMPLES = Path(__file__).parents[3] / "shared" / "specs" / "github-webhook-examples.json"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="GitHub's published payloads are not here")


def published() -> list[tuple[str, dict[str, Any]]]:
    """Every payload with its event's name, as of today: what happened years ago is not acted upon."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = EXAMPLES.read_text() if EXAMPLES.exists() else "[]"
    events = json.loads(re.sub(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]{0,8}"', f'"{now}"', text))
    return [(event["name"], payload) for event in events for payload in event["examples"]]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with town_at(tmp_path / "bot.sqlite") as town:
        yield town


async def deliver(session: aiohttp.ClientSession, town: Town, event: str, document: object, *, guid: str) -> int:
    body = json.dumps(document).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(body, SECRET),
    }
    async with session.post(f"{town.url}/webhooks/github", data=body, headers=headers) as response:
        await response.read()
        return response.status


async def test_every_published_payload_is_acknowledged_and_does_nothing(town: Town) -> None:
    examples = published()
    assert len(examples) >= 55
    for _, payload in examples:
        if "repository" in payload:
            payload["repository"]["full_name"] = "octo/shop"  # one that the bot sees

    with logged() as log:
        async with aiohttp.ClientSession() as session:
            statuses = {
                f"{number} {event} {payload.get('action')}": await deliver(
                    session, town, event, payload, guid=f"guid-{number}"
                )
                for number, (event, payload) in enumerate(examples)
            }

    assert {name: status for name, status in statuses.items() if status != 200} == {}
    assert town.codegen.runs == {}
    # Whether a label is one of the bot's stands in the config files, the owner's and the repository's: asked for once,
    # and whether the bot would see one.
    asked = [(entry.method, entry.path.rpartition("/contents/")[2]) for entry in town.github.control.journal]
    assert asked == [("GET", "codegen-bot.yml"), ("GET", ".github/codegen-bot.yml"), ("GET", "")]
    assert [line for line in lines(log) if line["level"] in {"warning", "error", "critical"}] == []


async def test_a_published_comment_that_gives_a_command_is_carried_out(town: Town) -> None:
    """So the payloads above were really read. Its repository is another one than the town's, so the bot is refused."""
    comments = [payload for event, payload in published() if event == "issue_comment"]
    payload = next(payload for payload in comments if payload["action"] == "created")
    payload["comment"]["body"] = "/codegen run fix it"

    async with aiohttp.ClientSession() as session:
        assert await deliver(session, town, "issue_comment", payload, guid="guid-1") == 202
    login, repository = payload["comment"]["user"]["login"], payload["repository"]["full_name"]
    await town.github.until(lambda: town.requests("GET", f"/repos/{repository}/collaborators/{login}/permission") != [])
    assert town.codegen.runs == {}
