"""GitHub's payloads, reduced to what the bot reads, and the webhook endpoint with a fake engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from prometheus_client.parser import text_string_to_metric_families

from bot.execution.effective_config import EffectiveConfig
from bot.execution.invocation import CommandInvocation
from bot.execution.repository_config.model import RepositoryConfig
from bot.github.events import Event, sign
from bot.metrics import Metrics
from bot.text.offload.pool import WorkerPool
from bot.web.bodies import RequestBodies
from bot.web.server import make_application
from bot.web.webhooks import GitHubWebhooks
from tests.harness import TIMEOUT

SECRET = "the new secret"
OLD_SECRET = "the old secret"
PATH = "/webhooks/github"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

ALICE = {"login": "alice", "type": "User"}
MALLORY = {"login": "mallory", "type": "User"}
BOT = {"login": "codegen-bot[bot]", "type": "Bot"}
REPOSITORY = {"full_name": "octo/shop", "private": False}
PULL_REQUEST = {
    "number": 1,
    "title": "Fix the checkout",
    "body": None,
    "html_url": "https://github.com/octo/shop/pull/1",
    "user": ALICE,
}
ISSUE = PULL_REQUEST | {"number": 2, "html_url": "https://github.com/octo/shop/issues/2"}

Client = TestClient[web.Request, web.Application]


class FakeEngine:
    """Records invocations."""

    def __init__(self) -> None:
        self.taken: list[CommandInvocation] = []
        self.deferred: list[Event] = []
        self.asked = 0
        self.failure: Exception | None = None

    async def submit(self, invocation: CommandInvocation) -> bool:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        if invocation.identity in self.identities:
            return False
        self.taken.append(invocation)
        return True

    async def defer(self, event: Event) -> None:
        self.deferred.append(event)

    @property
    def identities(self) -> list[str]:
        return [invocation.identity for invocation in self.taken]

    @property
    def prompts(self) -> list[str]:
        return [str(getattr(invocation.command, "prompt", invocation.command)) for invocation in self.taken]


async def healthy() -> None:
    """A check that passes."""


USUAL = EffectiveConfig(RepositoryConfig())
"""What holds where no repository has a config file."""


def application(
    engine: FakeEngine,
    *,
    check: Callable[[], Awaitable[None]] = healthy,
    effective: EffectiveConfig = USUAL,
    timeout: float = TIMEOUT,
    offload: WorkerPool | None = None,
    bodies: RequestBodies | None = None,
) -> web.Application:
    """The real application, as `bot.app` puts it together.

    :param timeout: seconds for the check, and for reading a comment
    """
    metrics, offload = Metrics(), offload or WorkerPool()

    async def config_for(_repository: str) -> EffectiveConfig:
        return effective

    webhooks = GitHubWebhooks(
        secrets=[OLD_SECRET, SECRET],
        config_for=config_for,
        enqueue=engine.submit,
        defer=engine.defer,
        offload=offload,
        metrics=metrics,
        now=lambda: NOON,
        parse_timeout=timeout,
        bodies=bodies,
    )
    made = make_application(webhooks, check=check, metrics=metrics, check_timeout=timeout)

    async def close(_application: web.Application) -> None:
        await offload.aclose()

    made.on_cleanup.append(close)
    return made


def written(body: str | None, **more: Any) -> dict[str, Any]:
    return {"id": 7, "body": body, "user": ALICE, "html_url": "https://github.com/octo/shop/c7", **more}


def payload(action: str, **parts: Any) -> dict[str, Any]:
    return {"action": action, "repository": REPOSITORY, "sender": ALICE, **parts}


def issue_comment(body: str | None, action: str = "created", **more: Any) -> dict[str, Any]:
    return payload(action, issue=ISSUE, comment=written(body), **more)


def edited(before: str, after: str, *, sender: dict[str, str] = ALICE) -> dict[str, Any]:
    return issue_comment(after, "edited", changes={"body": {"from": before}}) | {"sender": sender}


def headers(body: bytes, event: str, *, secret: str = SECRET, guid: str = "guid-1") -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(body, secret),
    }


async def deliver(
    client: Client, document: object, event: str = "issue_comment", *, secret: str = SECRET, guid: str = "guid-1"
) -> ClientResponse:
    """One delivery, signed."""
    body = json.dumps(document).encode()
    return await client.post(PATH, data=body, headers=headers(body, event, secret=secret, guid=guid))


async def problem(response: ClientResponse) -> tuple[int, str]:
    """The status and detail of an answer, which must be a problem document."""
    assert response.content_type == "application/problem+json"
    document = await response.json(content_type="application/problem+json")
    assert document.keys() == {"type", "title", "status", "detail", "instance", "request_id"}
    assert (document["status"], document["instance"]) == (response.status, response.url.path)
    assert document["request_id"] == response.headers["X-Request-Id"]
    return response.status, document["detail"]


async def outcomes(client: Client) -> dict[str, int]:
    """The outcomes of the deliveries so far, from the metrics."""
    text = await (await client.get("/metrics")).text()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "codegen_bot_deliveries_total":
                found[sample.labels["outcome"]] += round(sample.value)
    return {outcome: count for outcome, count in found.items() if count}
