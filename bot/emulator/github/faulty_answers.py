"""What GitHub's API gets wrong beside what every API does, and what becomes of webhooks on a bad day."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.fault_injection import FaultKind
from bot.emulator.faults import Fault
from bot.emulator.github.limits import SECONDARY_MESSAGE

KINDS: dict[str, FaultKind] = {
    # The token of an installation ends before its time; whoever asks for another one gets it.
    "expired-token": FaultKind(
        Fault(status=401, body={"message": "Bad credentials"}, path="^/(repos|installation)/", token="ghs_.*"),  # noqa: S106 - a pattern
        expires=True,
    ),
    "secondary": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE}), waits=True),
    "secondary-unsaid": FaultKind(Fault(status=403, body={"message": SECONDARY_MESSAGE})),
}
"""By name, as `bot.emulator.fault_injection` has them."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A delivery as it is sent once more.

    :param delay: seconds
    :param another_hook: under a GUID of its own, because two hooks tell of the same
    """

    delay: float
    another_hook: bool


@dataclass(slots=True)
class HookWeather:
    """Deliveries that come twice, late, or after those behind them. GitHub itself never delivers again; proxies may.

    :param duplicated: the share that comes twice under one GUID
    :param by_another_hook: the share that comes under a second GUID as well
    :param delayed: the share that comes late, so that those behind it come first
    :param longest: seconds that something may be late
    :raises ValueError: where a share is none
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
        """What becomes of the next delivery: seconds until it is sent, and what is sent beside it."""
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
