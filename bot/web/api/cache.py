"""Per-token TTL cache with request coalescing, and how much memory its values occupy.

The number of entries and their bytes are limited. At a limit, the token that occupies most loses its oldest entry, so
that no token evicts the entries of others. cachetools 8.0 has one limit per cache, and refuses values above it.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from bot.errors import RETRIED, UpstreamError
from bot.upstream import giving_up_after

T = TypeVar("T")

TTL = 30.0
"""Seconds."""

MOST_ENTRIES = 2_000

MOST_BYTES = 64 * 1024 * 1024

STALE_TTL = 300.0
"""Seconds for which a value may be used if Codegen does not answer, marked as stale."""

STALE_RETRY = 10.0
"""Seconds after a failure for which Codegen is not asked again where there is such a value."""

STALE_PATIENCE = 2.0
"""Seconds for which Codegen is waited for where there is such a value."""

_NEVER = float("-inf")

SWEEP_INTERVAL = 10.0
"""Seconds between two removals of expired entries."""

Key = tuple[str, int, str]
"""The token's digest, the organization, the resource."""


@dataclass(slots=True)
class _Entry:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    value: Any = None
    size: int = 0
    until: float = _NEVER
    fetched_at: float = _NEVER
    kept_for: float = 0.0
    failed_at: float = _NEVER
    failures: int = 0
    failure: Exception | None = None

    def is_usable(self, now: float) -> bool:
        """Whether the value, although it is expired, may be used while there is no other."""
        return now - self.fetched_at < self.kept_for


OnStale = Callable[[float, Exception], None]
"""Called with the age in seconds of a value that is used although it has expired, and the failure for which it is."""


class TokenCache:
    """Values by token, organization and resource. Failures are raised to all who wait, and not cached."""

    def __init__(
        self,
        *,
        most: int = MOST_ENTRIES,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._sweep = Sweep(self.drop_expired, every=SWEEP_INTERVAL)

    @property
    def size(self) -> int:
        """Bytes that the values occupy."""
        return sum(entry.size for entry in self._entries.values())

    async def get(
        self,
        key: Key,
        fetch: Callable[[], Awaitable[T]],
        *,
        ttl: float | None = None,
        on_stale: OnStale | None = None,
    ) -> T:
        """The cached value; if there is none, one `fetch` serves all who wait.

        :param ttl: seconds, if not the default
        :param on_stale: if given, an expired value is used for a while if `fetch` fails for a reason that may pass
        """
        if key not in self._entries:
            self.drop_expired()
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        self._evict(key)
        self._sweep.arm()
        known_failures = entry.failures
        async with entry.turn:
            now = self._clock()
            if on_stale is not None:
                entry.kept_for = STALE_TTL
            if now >= entry.until:
                has_failed_meanwhile = entry.failures > known_failures
                has_failed_lately = (
                    on_stale is not None and entry.is_usable(now) and now - entry.failed_at < STALE_RETRY
                )
                if not has_failed_meanwhile and not has_failed_lately:
                    await self._fetch(entry, fetch, ttl=ttl)
                if entry.failure is not None:
                    self._check_usable(entry, entry.failure, on_stale)
            value: T = entry.value
        self._evict(key)
        return value

    async def _fetch(self, entry: _Entry, fetch: Callable[[], Awaitable[Any]], *, ttl: float | None) -> None:
        try:
            with giving_up_after(STALE_PATIENCE) if entry.is_usable(self._clock()) else nullcontext():
                entry.value = await fetch()
        except Exception as error:  # noqa: BLE001 - raised by the caller, if the old value cannot be used
            entry.failures += 1
            entry.failure, entry.failed_at = error, self._clock()
        else:
            entry.failure = None
            entry.size, entry.fetched_at = size_of(entry.value), self._clock()
            entry.until = entry.fetched_at + (TTL if ttl is None else ttl)

    def _check_usable(self, entry: _Entry, failure: Exception, on_stale: OnStale | None) -> None:
        """Reports that the old value is used; else raises the failure for which there is no newer one."""
        is_temporary = isinstance(failure, UpstreamError) and failure.kind in RETRIED
        if on_stale is None or not is_temporary or not entry.is_usable(self._clock()):
            raise failure
        on_stale(self._clock() - entry.fetched_at, failure)

    def forget(self, caller: str, org_id: int, resource: str) -> None:
        """Invalidates the entries whose resource starts with this text, after a change.

        :param caller: the token's digest
        """
        for key in [key for key in self._entries if key[:2] == (caller, org_id) and key[2].startswith(resource)]:
            del self._entries[key]

    def drop_expired(self) -> bool:
        """Removes expired entries: a page of runs may be large, and may never be requested again.

        :returns: whether anything is left
        """
        now = self._clock()
        expired = [key for key, entry in self._entries.items() if now >= entry.until and not entry.is_usable(now)]
        for key in expired:
            if not self._entries[key].turn.locked():
                del self._entries[key]
        return bool(self._entries)

    def _evict(self, wanted: Key) -> None:
        """Evicts the oldest entries of the token that occupies most.

        :param wanted: the entry to keep
        """
        while len(self._entries) > self._most or (len(self._entries) > 1 and self.size > self._most_bytes):
            shares: Counter[str] = Counter()
            for key, entry in self._entries.items():
                # At the limit of entries, all count the same.
                shares[key[0]] += 1 if len(self._entries) > self._most else entry.size
            [(greediest, _)] = shares.most_common(1)
            others = [key for key in self._entries if key != wanted]
            del self._entries[next((key for key in others if key[0] == greediest), others[0])]


class Sweep:
    """Removes expired entries periodically for as long as there are any, even without requests.

    :param drop: removes them and returns whether any are left
    :param every: seconds
    """

    def __init__(self, drop: Callable[[], bool], *, every: float) -> None:
        self._drop = drop
        self._every = every
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Starts the timer after an entry was added."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            # In its own context: what it does belongs to no single request.
            self._timer = loop.call_later(self._every, self._run, context=contextvars.Context())

    def _run(self) -> None:
        self._timer = None
        if self._drop():
            self.arm()


def size_of(value: Any) -> int:
    """Bytes that a value of models, containers and texts occupies. Shared objects count each time.

    Recurses for each level; responses from Codegen have few (`bot.codegen.models.DEEPEST`).
    """
    own = sys.getsizeof(value)
    if isinstance(value, BaseModel):
        return own + sum(map(size_of, (value.__dict__, value.model_fields_set)))
    if isinstance(value, Mapping):
        return own + sum(size_of(name) + size_of(each) for name, each in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return own + sum(map(size_of, value))
    return own


def release_memory() -> None:
    """Returns freed memory to the operating system, if the C library supports it.

    glibc keeps free memory between blocks that are still in use; after thousands of texts the process would never
    shrink again.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
