"""Words that GitHub brings back unchanged: by them an answer is known to belong to a question that was asked here."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LASTS = 3600.0
"""Seconds; as long as GitHub's code."""

MOST = 100
"""Questions that may be open; the oldest gives way, so that nobody fills the memory by asking."""


class CsrfStates(Generic[T]):
    """Each is random, goes with what was asked for, counts once, and no longer than an hour.

    :param clock: seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[T, float]] = {}

    def issue(self, asked: T) -> str:
        """A new one."""
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        state = secrets.token_urlsafe(32)
        self._open[state] = (asked, self._clock() + LASTS)
        return state

    def take(self, state: str) -> T | None:
        """What was asked for with it, this once; None where it was not issued here, was used, or is too old."""
        # Each is compared in full, so that the time it takes tells nothing of how much of one was right.
        found = [each for each in self._open if hmac.compare_digest(each.encode(), state.encode())]
        if not found:
            return None
        asked, ends = self._open.pop(found[0])
        return asked if self._clock() < ends else None
