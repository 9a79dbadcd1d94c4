"""A wait for room in a connection that survives whoever stops waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def unbroken(wait: Coroutine[Any, Any, None]) -> None:
    """Waits with the wait; where the waiting is cancelled, the wait goes on by itself until the connection is lost.

    All who wait for room in one of aiohttp's connections share a future (`BaseProtocol._drain_helper`, 3.14). Cancelled
    with one of them, it stays cancelled, and not even a close code could be written any more.
    """
    going_on = asyncio.ensure_future(wait)
    going_on.add_done_callback(_noticed)
    await asyncio.shield(going_on)


def _noticed(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled():
        ended.exception()
