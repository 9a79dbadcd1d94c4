"""Per-token TTL cache with request coalescing.

The number of entries and their bytes are limited. At a limit, the token that occupies most loses its oldest entry, so
that no token evicts the entries of others.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.web.api.memory import Sweep, size_of

T = TypeVar("T")

KEPT_FOR = 30.0
"""Seconds."""

MOST_KEPT = 2_000

MOST_BYTES = 64 * 1024 * 1024

SWEPT_EVERY = 10.0
"""Seconds between two removals of expired entries."""

Key = tuple[str, int, str]
"""The token's digest, the organization, the request."""


@dataclass(slots=True)
class _Place:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    value: Any = None
    size: int = 0
    until: float = float("-inf")
    failures: int = 0
    failure: Exception | None = None


class TokenCache:
    """Values by token, organization and request. Failures are raised to all who wait, and not cached."""

    def __init__(
        self,
        *,
        seconds: float = KEPT_FOR,
        most: int = MOST_KEPT,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._places: OrderedDict[Key, _Place] = OrderedDict()
        self._sweep = Sweep(self.drop_expired, every=SWEPT_EVERY)

    @property
    def size(self) -> int:
        """Bytes that the values occupy."""
        return sum(place.size for place in self._places.values())

    async def get(self, key: Key, ask: Callable[[], Awaitable[T]], *, seconds: float | None = None) -> T:
        """The cached value; if there is none, one `ask` serves all who wait.

        :param seconds: how long to cache it, if not the default
        """
        if key not in self._places:
            self.drop_expired()
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        self._make_room(key)
        self._sweep.arm()
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
                place.size = size_of(place.value)
                place.until = self._clock() + (self._seconds if seconds is None else seconds)
            value: T = place.value
        self._make_room(key)
        return value

    def forget(self, caller: str, org_id: int, question: str) -> None:
        """Invalidates the entries whose request starts with this text, after a change.

        :param caller: the token's digest
        """
        for key in [key for key in self._places if key[:2] == (caller, org_id) and key[2].startswith(question)]:
            del self._places[key]

    def drop_expired(self) -> bool:
        """Removes expired entries: a page of runs may be large, and may never be requested again.

        :returns: whether anything is left
        """
        now = self._clock()
        for key in [key for key, place in self._places.items() if now >= place.until and not place.turn.locked()]:
            del self._places[key]
        return bool(self._places)

    def _make_room(self, asked: Key) -> None:
        """Evicts the oldest entries of the token that occupies most.

        :param asked: the entry to keep
        """
        while len(self._places) > self._most:
            self._drop_oldest(Counter(caller for caller, _, _ in self._places), asked)
        while len(self._places) > 1 and self.size > self._most_bytes:
            sizes: Counter[str] = Counter()
            for (caller, _, _), place in self._places.items():
                sizes[caller] += place.size
            self._drop_oldest(sizes, asked)

    def _drop_oldest(self, shares: Counter[str], asked: Key) -> None:
        [(greediest, _)] = shares.most_common(1)
        theirs = (key for key in self._places if key[0] == greediest and key != asked)
        others = (key for key in self._places if key != asked)
        del self._places[next(theirs, None) or next(others)]
