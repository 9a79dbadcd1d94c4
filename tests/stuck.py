"""Ends a test that would never end: a regular expression that backtracks holds the event loop, so asyncio's own
timeouts are of no use against it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 120.0
"""Seconds. What is guarded takes well under one; a busy machine must not fail it."""


@contextmanager
def never_stuck(seconds: float = PATIENCE) -> Iterator[None]:
    """Raises where the block takes longer, even within a regular expression; for the main thread."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        message = f"still at it after {seconds:g} s"
        raise AssertionError(message)

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
