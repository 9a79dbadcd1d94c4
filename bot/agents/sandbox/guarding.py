"""Starts the guard of an agent (`bot.agents.sandbox.guard`), and renews it while the bot works."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

from bot import log
from bot.agents.sandbox import guard
from bot.upstream import LEASE

_log = log.get(__name__)

RENEWALS = 20
"""Of a guard, in one lease."""

PATIENCE = 0.76
"""The fraction of the lease after which a guard ends its agent: later than the worker itself gives a turn up, so that a
worker that goes on knows that it was too late (`bot.agents.worker.MARGIN`), and before another worker takes over. Of a
worker that freezes just before a heartbeat is due, the turns are taken over a heartbeat's period sooner."""


class Guard:
    """A started guard. It is renewed by the event loop, so a bot whose loop is blocked counts as frozen.

    :param target: ``pidfd`` or ``mark``, and its value
    :param lease: seconds, of the worker's turns
    :raises OSError: if it cannot be started
    """

    def __init__(self, *target: str, lease: float = LEASE) -> None:
        kind, value = target
        reading, self._writing = os.pipe()
        try:
            os.set_blocking(self._writing, False)
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                (os.path.realpath(sys.executable), "-I", "-S", "-B", guard.__file__, f"{lease * PATIENCE}", *target),
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                pass_fds=(int(value),) if kind == "pidfd" else (),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)
        self._renewing = asyncio.create_task(self._renew(lease / RENEWALS), name="sandbox-guard")

    async def _renew(self, interval: float) -> None:
        while True:
            # A full pipe: the guard is slower than the bot.
            with suppress(BlockingIOError):
                try:
                    os.write(self._writing, b".")
                except BrokenPipeError:
                    _log.warning("sandbox.guard_gone", pid=self._process.pid)
                    return
            await asyncio.sleep(interval)

    async def stop(self) -> None:
        """Ends it, when there is nothing left to guard."""
        self._renewing.cancel()
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        os.close(self._writing)
