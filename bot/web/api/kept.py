"""What rarely changes, kept per token for a short while: a hundred callers at the same moment cost one request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

KEPT_FOR = 30.0
"""Seconds."""

MOST_KEPT = 2_000


@dataclass(slots=True)
class _Place:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    value: Any = None
    until: float = float("-inf")
    failures: int = 0
    failure: Exception | None = None


class Kept:
    """Values by token, organization and question. Failures are told to all who wait, and not kept."""

    def __init__(self, *, seconds: float = KEPT_FOR, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._places: OrderedDict[tuple[str, int, str], _Place] = OrderedDict()

    async def get(
        self, key: tuple[str, int, str], ask: Callable[[], Awaitable[T]], *, seconds: float | None = None
    ) -> T:
        """The value; asked for where it is not kept, by one for all who wait.

        :param key: the token's digest, the organization, the question
        :param seconds: how long it is kept, where that is not the usual time
        """
        if key not in self._places:
            self._drop_expired()
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        while len(self._places) > MOST_KEPT:
            self._places.popitem(last=False)
        known_failures = place.failures
        async with place.turn:
            if place.failure is not None and place.failures > known_failures:
                raise place.failure
            if self._clock() >= place.until:
                try:
                    place.value = await ask()
                except Exception as error:
                    place.failures += 1
                    place.failure = error
                    raise
                place.failure = None
                place.until = self._clock() + (self._seconds if seconds is None else seconds)
            value: T = place.value
            return value

    def forget(self, caller: str, org_id: int, question: str) -> None:
        """What begins with this question has just been changed.

        :param caller: the token's digest
        """
        for key in [key for key in self._places if key[:2] == (caller, org_id) and key[2].startswith(question)]:
            del self._places[key]

    def _drop_expired(self) -> None:
        """A page of runs may be large, and nobody may ask for it again."""
        now = self._clock()
        for key in [key for key, place in self._places.items() if now >= place.until and not place.turn.locked()]:
            del self._places[key]
