"""The fence before writes to the outside world.

A process that was frozen or cut off may have been replaced by another one meanwhile (`bot.engine.membership`). This
stands below both clients and knows no library: the server hands its membership's check in; nothing replaces the Action
and the command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Fence = Callable[[], Awaitable[None]]
"""Returns once it is sure that the work is still this process's own.

:raises asyncio.CancelledError: where it is not
"""


HEARTBEAT = 2.0
"""Seconds between two heartbeats of a server."""

LEASE = 10.0
"""Seconds after its last heartbeat for which a server counts as alive; its fence closes a little before."""


async def no_fence() -> None:
    """Lets everything pass."""
