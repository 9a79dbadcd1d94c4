"""Failover: a live executor recovers the work of each dead one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.engine.membership import Membership
from bot.errors import StoreError
from bot.store.executors import Executors
from bot.store.threads import run_in_thread

_log = log.get(__name__)


class Failover:
    """Watches for dead executors.

    :param recover: makes a dead executor's work run elsewhere; called again if it failed halfway
    """

    def __init__(
        self, membership: Membership, executors: Executors, *, recover: Callable[[str], Awaitable[None]]
    ) -> None:
        self._membership = membership
        self._executors = executors
        self._recover = recover

    async def run(self) -> None:
        """Runs until it is cancelled. Failures are retried at the next heartbeat."""
        while True:
            for dead in await self._membership.next_dead():
                try:
                    await self.replace(dead)
                except (SQLAlchemyError, StoreError) as error:
                    _log.warning("executor.not_recovered", executor=dead, reason=type(error).__name__)

    async def replace(self, dead: str) -> None:
        """Recovers one executor's work, unless it is alive or another executor is doing so."""
        me = self._membership.executor
        if not await run_in_thread(partial(self._executors.replace, dead, successor=me)):
            return
        await self._recover(dead)
        # Fails if this process was frozen meanwhile: another executor may be doing it by now.
        await self._membership.check()
        await run_in_thread(partial(self._executors.remove, dead, successor=me))
