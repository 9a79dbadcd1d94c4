"""A GitHub emulator whose webhooks arrive twice, late or out of order."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass
from typing import Any

from bot.emulators.github import GitHubEmulator
from bot.emulators.github.model import APP_ID, App
from bot.emulators.github.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class WebhookFaults:
    """How deliveries to App 1 fail. GitHub itself never redelivers; proxies may.

    :param duplicated: the share that arrives twice under one GUID
    :param by_another_hook: the share that arrives under a second GUID as well
    :param delayed: the share that arrives late, after its successors
    :param longest: maximum delay in seconds
    :raises ValueError: if a share is invalid
    """

    seed: int = 0
    duplicated: float = 0.2
    by_another_hook: float = 0.2
    delayed: float = 0.2
    longest: float = 0.5

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in (self.duplicated, self.by_another_hook, self.delayed)):
            raise ValueError("a share is from 0 to 1")
        if self.longest < 0:
            raise ValueError("longest is not below 0")

    def deliveries(self, event: str, ordinal: int) -> list[tuple[float, str]]:
        """Seconds until each delivery of one event is sent, and its GUID."""
        generator = random.Random(f"{self.seed} {event} {ordinal}")
        guid = str(uuid.uuid4())
        late = generator.random() < self.delayed
        found = [(generator.uniform(0, self.longest) if late else 0.0, guid)]
        if generator.random() < self.duplicated:
            found.append((generator.uniform(0, self.longest), guid))
        if generator.random() < self.by_another_hook:
            found.append((generator.uniform(0, self.longest), str(uuid.uuid4())))
        return found


class FaultyWebhooks(Webhooks):
    """Webhooks that fail from `inject_faults` on, until a reset."""

    _faults: WebhookFaults | None = None
    _sent = 0

    def inject_faults(self, **values: Any) -> None:
        """:param values: those of `WebhookFaults`"""
        self._faults, self._sent = WebhookFaults(**values), 0

    def reset(self) -> None:
        super().reset()
        self._faults = None

    def _announce(self, app: App, event: str, action: str | None, body: bytes) -> None:
        if self._faults is None or app.id != APP_ID:
            super()._announce(app, event, action, body)
            return
        self._sent += 1
        for delay, guid in self._faults.deliveries(event, self._sent):
            delivery = self._record(app, event, action, body, guid=guid)
            if delivery.status != "pending":
                continue
            if delay:
                asyncio.get_running_loop().call_later(delay, self._queue.put_nowait, delivery)
            else:
                self._queue.put_nowait(delivery)


class FaultyGitHubEmulator(GitHubEmulator):
    """A GitHub emulator whose webhooks can be made to fail."""

    new_webhooks = FaultyWebhooks
    webhooks: FaultyWebhooks
