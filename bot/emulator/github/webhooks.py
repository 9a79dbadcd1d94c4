"""Webhooks: payloads, signatures, sequential deliveries, and the log from which they can be redelivered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from bot.emulator.github.faulty_answers import WebhookFaults
from bot.emulator.github.shapes import Shapes, moment
from bot.emulator.github.world import (
    APP_ID,
    INSTALLATION_ID,
    REPOSITORY,
    Account,
    App,
    Comment,
    Label,
    Thread,
    World,
)

TIMEOUT_SECONDS = 10.0
"""GitHub gives up after ten seconds."""


@dataclass(slots=True)
class Delivery:
    """One POST to the webhook. `status_code` is 0 until there is a response, and if there is none."""

    id: int
    guid: str
    event: str
    action: str | None
    body: bytes
    delivered_at: datetime
    redelivery: bool = False
    status_code: int = 0
    status: str = "pending"
    duration: float = 0.0
    app_id: int = APP_ID
    installation_id: int | None = INSTALLATION_ID
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": moment(self.delivered_at),
            "redelivery": self.redelivery,
            "duration": self.duration,
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event,
            "action": self.action,
            "installation_id": self.installation_id,
            "repository_id": 1,
            "throttled_at": None,
        }

    def as_full_json(self, url: str) -> dict[str, Any]:
        request = {"headers": self.headers, "payload": self.payload}
        return self.as_json() | {"url": url, "request": request, "response": {"headers": None, "payload": None}}


class Webhooks:
    """Sends events to the webhook's address, in order, and logs the responses.

    `config` overrides its reported settings, by GitHub's names; it does not change what is sent.
    """

    def __init__(self, world: World, *, url: str | None, secret: str, changed: Callable[[], None]) -> None:
        self.url = url
        self.secret = secret
        self.deliveries: list[Delivery] = []
        self._world = world
        self._changed = changed
        self.fault_injector: WebhookFaults | None = None
        self.config: dict[str, str] = {}
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._late: set[asyncio.TimerHandle] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._send_all(), name="webhooks")

    async def stop(self) -> None:
        self._forget_late()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def reset(self) -> None:
        self.deliveries.clear()
        self.fault_injector = None
        self.config.clear()
        self._forget_late()
        # The queue itself stays: a task is waiting for it.
        while not self._queue.empty():
            self._queue.get_nowait()

    @property
    def idle(self) -> bool:
        return all(delivery.status != "pending" for delivery in self.deliveries)

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Sends the same body under the same GUID, as a separate delivery."""
        app = self._world.apps[delivery.app_id]
        return self._enqueue(app, delivery.event, delivery.action, delivery.body, guid=delivery.guid)

    def target(self, app: App) -> tuple[str | None, str]:
        """The address and the secret of an App's webhook. App 1's is the one that is set from outside."""
        return (self.url, self.secret) if app.id == APP_ID else (app.webhook_url, app.webhook_secret)

    def inject_faults(self, **values: Any) -> WebhookFaults:
        """Makes deliveries arrive twice, late and out of order; the values are those of `WebhookFaults`.

        :raises ValueError: if a share is invalid
        """
        self.fault_injector = WebhookFaults(**values)
        return self.fault_injector

    # Events

    def issue_comment(self, shapes: Shapes, comment: Comment, action: str, sender: Account, before: str | None) -> None:
        thread = self._world.threads[comment.number]
        parts = {"issue": shapes.issue(thread), "comment": shapes.issue_comment(comment)}
        self._emit(shapes, "issue_comment", action, sender, parts | _changes(before))

    def review_comment(
        self, shapes: Shapes, comment: Comment, action: str, sender: Account, before: str | None
    ) -> None:
        thread = self._world.threads[comment.number]
        parts = {"pull_request": shapes.pull_request(thread), "comment": shapes.review_comment(comment)}
        self._emit(shapes, "pull_request_review_comment", action, sender, parts | _changes(before))

    def review(self, shapes: Shapes, comment: Comment, action: str, sender: Account, before: str | None) -> None:
        thread = self._world.threads[comment.number]
        parts = {"pull_request": shapes.pull_request(thread), "review": shapes.webhook_review(comment)}
        self._emit(shapes, "pull_request_review", action, sender, parts | _changes(before))

    def labelled(self, shapes: Shapes, thread: Thread, label: Label, action: str, sender: Account) -> None:
        self._of_thread(shapes, thread, action, sender, {"label": shapes.label(label)})

    def opened(self, shapes: Shapes, thread: Thread, sender: Account) -> None:
        self._of_thread(shapes, thread, "opened", sender, {})

    def pushed(self, shapes: Shapes, thread: Thread, before: str, sender: Account) -> None:
        self._of_thread(shapes, thread, "synchronize", sender, {"before": before, "after": thread.head_sha})

    def _of_thread(self, shapes: Shapes, thread: Thread, action: str, sender: Account, parts: dict[str, Any]) -> None:
        if thread.is_pull_request:
            parts |= {"number": thread.number, "pull_request": shapes.full_pull_request(thread)}
            self._emit(shapes, "pull_request", action, sender, parts)
        else:
            self._emit(shapes, "issues", action, sender, parts | {"issue": shapes.issue(thread)})

    # Sending

    def _emit(self, shapes: Shapes, event: str, action: str, sender: Account, parts: dict[str, Any]) -> None:
        payload = {
            "action": action,
            **parts,
            "repository": shapes.webhook_repository(),
            "organization": _organization(shapes, self._world),
            "sender": shapes.user(sender),
        }
        first = self._world.apps[APP_ID]
        body, guid = _body(payload, first), str(uuid.uuid4())
        delay, copies = self.fault_injector.send(event) if self.fault_injector is not None else (0.0, [])
        self._enqueue(first, event, action, body, guid=guid, delay=delay)
        for copy in copies:
            again = str(uuid.uuid4()) if copy.another_hook else guid
            self._enqueue(first, event, action, body, guid=again, delay=copy.delay)
        for app in self._world.apps.values():
            if app is not first and app.installation_id is not None and app.webhook_url and event in app.events:
                self._enqueue(app, event, action, _body(payload, app), guid=str(uuid.uuid4()))

    def _enqueue(
        self, app: App, event: str, action: str | None, body: bytes, *, guid: str, delay: float = 0.0
    ) -> Delivery:
        again = any(delivery.guid == guid for delivery in self.deliveries)
        delivery = Delivery(self._world.next_id(), guid, event, action, body, self._world.now(), again)
        delivery.app_id, delivery.installation_id = app.id, app.installation_id
        url, _ = self.target(app)
        if url is None:
            # Without an address nothing is sent; the delivery is still recorded.
            delivery.status = "no webhook"
        self.deliveries.append(delivery)
        if url is not None and delay:
            self._send_late(delivery, delay)
        elif url is not None:
            self._queue.put_nowait(delivery)
        self._changed()
        return delivery

    def _send_late(self, delivery: Delivery, delay: float) -> None:
        def send() -> None:
            self._late.discard(timer)
            self._queue.put_nowait(delivery)

        timer = asyncio.get_running_loop().call_later(delay, send)
        self._late.add(timer)

    def _forget_late(self) -> None:
        for timer in self._late:
            timer.cancel()
        self._late.clear()

    async def _send_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                delivery = await self._queue.get()
                await self._send(session, delivery)
                self._changed()

    async def _send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        app = self._world.apps.get(delivery.app_id)
        url, secret = (None, "") if app is None else self.target(app)
        delivery.headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/emulated",
            "X-GitHub-Delivery": delivery.guid,
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Hook-ID": "1",
            "X-GitHub-Hook-Installation-Target-Type": "integration",
            "X-GitHub-Hook-Installation-Target-ID": str(delivery.app_id),
        } | _signatures(secret, delivery.body)
        if url is None:
            delivery.status = "no webhook"
            return
        started = time.monotonic()
        try:
            # GitHub counts a redirect as a failure.
            async with session.post(
                url, data=delivery.body, headers=delivery.headers, allow_redirects=False
            ) as response:
                await response.read()
                delivery.status_code = response.status
                delivery.status = "OK" if response.status < 300 else response.reason or "failed"
        except TimeoutError:
            delivery.status = "timed out"
        except aiohttp.ClientError:
            delivery.status = "failed to connect to host"
        delivery.duration = round(time.monotonic() - started, 3)


def _body(payload: dict[str, Any], app: App) -> bytes:
    installation = {"id": app.installation_id, "node_id": "SW5zdGFsbGF0aW9uMQ=="}
    return json.dumps({**payload, "installation": installation}).encode()


def _signatures(secret: str, body: bytes) -> dict[str, str]:
    """Without a secret GitHub does not sign."""
    if not secret:
        return {}
    return {
        "X-Hub-Signature": f"sha1={hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}",
        "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}",
    }


def _changes(before: str | None) -> dict[str, Any]:
    return {} if before is None else {"changes": {"body": {"from": before}}}


def _organization(shapes: Shapes, world: World) -> dict[str, Any]:
    login = REPOSITORY.split("/", maxsplit=1)[0]
    user = shapes.user(world.accounts[login])
    url = user["url"].replace("/users/", "/orgs/")
    return {
        "login": login,
        "id": user["id"],
        "node_id": user["node_id"],
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": user["avatar_url"],
        "description": None,
    }
