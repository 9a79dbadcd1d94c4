"""Locks against all other processes of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.agents.git import GitError, GitProblem
from bot.storage.queries import run_in_thread

LOCK_TIMEOUT = 1800.0
"""Seconds that a run waits for another one's fetch of the same repository: a first one may take long."""


@asynccontextmanager
async def locked(folder: Path) -> AsyncIterator[None]:
    """Holds a mirror or a spare workspace. Polls: a thread that waits for a lock cannot be cancelled.

    :raises GitError: of TIMED_OUT
    """

    def open_lock() -> int:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    lock = await run_in_thread(open_lock)
    try:
        async with asyncio.timeout(LOCK_TIMEOUT):
            while not _try_lock(lock):  # noqa: ASYNC110 - the other one may be another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        os.close(lock)
        raise GitError(GitProblem.TIMED_OUT, "waiting for another run's fetch") from None
    except asyncio.CancelledError:
        os.close(lock)
        raise
    try:
        yield
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    import fcntl  # noqa: PLC0415 - Windows has none, and imports this module too

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
