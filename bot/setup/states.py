"""CSRF states: random values that GitHub returns unchanged, which prove that a redirect belongs to a form issued
here.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LASTS = 3600.0
"""Seconds until a state expires; as long as GitHub's code."""

MOST = 100
"""Open forms; the oldest are dropped, so that requests cannot fill the memory."""


class CsrfStates(Generic[T]):
    """Each state is random, carries a value, can be used once, and expires after an hour.

    :param clock: seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[T, float]] = {}

    def issue(self, asked: T) -> str:
        """A new state for this value."""
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        state = secrets.token_urlsafe(32)
        self._open[state] = (asked, self._clock() + LASTS)
        return state

    def take(self, state: str) -> T | None:
        """The state's value, once; None if it was not issued here, has been used, or has expired."""
        # Constant-time comparison: timing must not reveal how much of a state was right.
        found = [each for each in self._open if hmac.compare_digest(each.encode(), state.encode())]
        if not found:
            return None
        asked, ends = self._open.pop(found[0])
        return asked if self._clock() < ends else None
