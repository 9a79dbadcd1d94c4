"""Webhooks: payloads, signatures, sequential deliveries, and the log from which they can be redelivered."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from bot.emulators.github.commits import Commit, Pushed
from bot.emulators.github.documents import copy
from bot.emulators.github.model import APP_ID, INSTALLATION_ID, REPOSITORY_ID, Account, App, Comment, Kind, Thread
from bot.emulators.github.shapes import Shapes
from bot.emulators.github.world import World

TIMEOUT_SECONDS = 10.0
"""GitHub gives up after ten seconds."""

_EVENTS: dict[Kind, tuple[str, str]] = {
    "issue-comment": ("issue_comment", "comment"),
    "review-comment": ("pull_request_review_comment", "comment"),
    "review": ("pull_request_review", "review"),
}
"""The event about a comment, and the key of the comment in its payload."""


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

    @property
    def payload(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """As in the log of deliveries."""
    same = copy(delivery, "id guid delivered_at redelivery duration status status_code event action installation_id")
    return same | {"repository_id": REPOSITORY_ID, "throttled_at": None}


class Webhooks:
    """Sends events to the webhook's address, in order, and logs the responses.

    `config` overrides its reported settings, by GitHub's names; it does not change what is sent.
    """

    def __init__(self, world: World, shapes: Shapes, *, url: str | None, secret: str) -> None:
        self.url = url
        self.secret = secret
        self.deliveries: list[Delivery] = []
        self._world = world
        self._shapes = shapes
        self.config: dict[str, str] = {}
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._send_all(), name="webhooks")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def reset(self) -> None:
        self.deliveries.clear()
        self.config.clear()
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

    def find(self, delivery_id: int) -> Delivery | None:
        return next((delivery for delivery in self.deliveries if delivery.id == delivery_id), None)

    def target(self, app: App) -> tuple[str | None, str]:
        """The address and the secret of an App's webhook. App 1's is the one that is set from outside."""
        return (self.url, self.secret) if app.id == APP_ID else (app.webhook_url, app.webhook_secret)

    # Events

    def comment(self, comment: Comment, action: str, sender: Account, *, before: str | None = None) -> None:
        """:param before: the text before an edit"""
        event, key = _EVENTS[comment.kind]
        thread = self._world.threads[comment.number]
        parts = {key: self._shapes.webhook_review(comment) if key == "review" else self._shapes.comment(comment)}
        if comment.kind == "issue-comment":
            parts["issue"] = self._shapes.issue(thread)
        else:
            parts["pull_request"] = self._shapes.pull_request(thread)
        changes = {} if before is None else {"changes": {"body": {"from": before}}}
        self._emit(event, action, sender, parts | changes)

    def label(self, thread: Thread, name: str, action: str, sender: Account) -> None:
        self.thread(thread, action, sender, label=self._shapes.label(self._world.labels[name.lower()]))

    def thread(self, thread: Thread, action: str, sender: Account, **parts: Any) -> None:
        if thread.is_pull_request:
            parts |= {"number": thread.number, "pull_request": self._shapes.full_pull_request(thread)}
        else:
            parts |= {"issue": self._shapes.issue(thread)}
        self._emit("pull_request" if thread.is_pull_request else "issues", action, sender, parts)

    def push(self, pushed: Pushed, sender: Account) -> None:
        self._emit("push", None, sender, self._shapes.push(pushed, sender))

    def check_suite(self, thread: Thread, app: str, commit: Commit) -> None:
        """An App's checks on the head of a pull request have ended."""
        suite = self._shapes.check_suite(thread, app, commit)
        self._emit("check_suite", "completed", thread.account, {"check_suite": suite})

    # Sending

    def _emit(self, event: str, action: str | None, sender: Account, parts: dict[str, Any]) -> None:
        payload = {
            **({} if action is None else {"action": action}),
            "repository": self._shapes.webhook_repository(),
            "organization": self._shapes.organization(),
            "sender": self._shapes.user(sender),
            **parts,
        }
        for app in self._world.apps.values():
            if app.id == APP_ID or (app.installation_id is not None and app.webhook_url and event in app.events):
                self._announce(app, event, action, _body(payload, app))

    def _announce(self, app: App, event: str, action: str | None, body: bytes) -> None:
        """Sends a new event to one App."""
        self._enqueue(app, event, action, body, guid=str(uuid.uuid4()))

    def _enqueue(self, app: App, event: str, action: str | None, body: bytes, *, guid: str) -> Delivery:
        delivery = self._record(app, event, action, body, guid=guid)
        if delivery.status == "pending":
            self._queue.put_nowait(delivery)
        return delivery

    def _record(self, app: App, event: str, action: str | None, body: bytes, *, guid: str) -> Delivery:
        """Adds a delivery to the log."""
        is_redelivery = any(delivery.guid == guid for delivery in self.deliveries)
        delivery = Delivery(self._world.next_id(), guid, event, action, body, self._world.now(), is_redelivery)
        delivery.app_id, delivery.installation_id = app.id, app.installation_id
        url, _ = self.target(app)
        if url is None:
            # Without an address nothing is sent; the delivery is still recorded.
            delivery.status = "no webhook"
        self.deliveries.append(delivery)
        self._world.changed()
        return delivery

    async def _send_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                delivery = await self._queue.get()
                await self._send(session, delivery)
                self._world.changed()

    async def _send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        app = self._world.apps.get(delivery.app_id)
        url, secret = (None, "") if app is None else self.target(app)
        headers = {
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
            async with session.post(url, data=delivery.body, headers=headers, allow_redirects=False) as response:
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
    digests = {name: hmac.new(secret.encode(), body, name).hexdigest() for name in ("sha1", "sha256")}
    return {"X-Hub-Signature": f"sha1={digests['sha1']}", "X-Hub-Signature-256": f"sha256={digests['sha256']}"}
