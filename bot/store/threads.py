"""Runs blocking calls in a thread, so that the loop never waits for a disk or a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(work: Callable[[], T]) -> T:
    """Runs `work` in a thread. Even if cancelled, it returns only when `work` has ended: nothing is written after the
    caller has closed the database."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise
