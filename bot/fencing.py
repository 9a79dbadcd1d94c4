"""The fence before upstream writes.

A process that was frozen or disconnected may have been replaced by another one (`bot.engine.membership`). This module
is below both clients and depends on no library: the server passes its membership's check; the Action and the command
line are never replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Fence = Callable[[], Awaitable[None]]
"""Returns once it is certain that the work still belongs to this process.

:raises asyncio.CancelledError: if it does not
"""


HEARTBEAT = 2.0
"""Seconds between two heartbeats of a server."""

LEASE = 10.0
"""Seconds after its last heartbeat for which a server counts as alive; its fence closes slightly earlier."""


async def no_fence() -> None:
    """Never blocks."""
