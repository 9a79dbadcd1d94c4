"""Faults that are specific to GitHub's API, and faults of webhook deliveries."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.fault_injection import FaultKind
from bot.emulator.faults import Fault
from bot.emulator.github.limits import SECONDARY_MESSAGE

KINDS: dict[str, FaultKind] = {
    # An installation token expires early; a request for another one succeeds.
    "expired-token": FaultKind(
        Fault(status=401, body={"message": "Bad credentials"}, path="^/(repos|installation)/", token="ghs_.*"),  # noqa: S106 - a pattern
        expires=True,
    ),
    "secondary": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE}), waits=True),
    "secondary-unsaid": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE})),
}
"""By name, for `bot.emulator.fault_injection`."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A second sending of a delivery.

    :param delay: seconds
    :param another_hook: under another GUID, as if two hooks reported the same event
    """

    delay: float
    another_hook: bool


@dataclass(slots=True)
class WebhookFaults:
    """Deliveries that arrive twice, late, or out of order. GitHub itself never redelivers; proxies may.

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
    _sent: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in (self.duplicated, self.by_another_hook, self.delayed)):
            raise ValueError("a share is from 0 to 1")
        if self.longest < 0:
            raise ValueError("longest is not below 0")

    def send(self, event: str) -> tuple[float, list[Copy]]:
        """The next delivery: seconds until it is sent, and its duplicates."""
        self._sent += 1
        dice = random.Random(f"{self.seed} {event} {self._sent}")
        delay = dice.uniform(0, self.longest) if dice.random() < self.delayed else 0.0
        copies = []
        if dice.random() < self.duplicated:
            copies.append(Copy(dice.uniform(0, self.longest), another_hook=False))
        if dice.random() < self.by_another_hook:
            copies.append(Copy(dice.uniform(0, self.longest), another_hook=True))
        return delay, copies

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if not name.startswith("_")}
