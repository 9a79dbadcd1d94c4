"""Ends a test that would never end: a regular expression that backtracks holds the event loop, so asyncio's own
timeouts are of no use against it. Processor time is what counts, and the bot's own watch has the other clock."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 60.0
"""Seconds of processor time; guarded code takes well under one."""


@contextmanager
def never_stuck(seconds: float = PATIENCE) -> Iterator[None]:
    """Raises where the block takes longer, even within a regular expression; for the main thread."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        message = f"still at it after {seconds:g} s"
        raise AssertionError(message)

    before = signal.signal(signal.SIGVTALRM, fail)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
