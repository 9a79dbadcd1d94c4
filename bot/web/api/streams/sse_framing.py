"""Waits for a connection's write buffer in a way that survives cancellation of the waiting task."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def unbroken(wait: Coroutine[Any, Any, None]) -> None:
    """Awaits `wait`; if the caller is cancelled, `wait` continues in the background until the connection is lost.

    All who wait for buffer space of one aiohttp connection share a future (`BaseProtocol._drain_helper`, 3.14).
    Cancelling one of them leaves it cancelled, and then not even a close code could be written.
    """
    going_on = asyncio.ensure_future(wait)
    going_on.add_done_callback(_noticed)
    await asyncio.shield(going_on)


def _noticed(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled():
        ended.exception()
