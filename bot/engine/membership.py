"""Membership of this process among those on one database: its heartbeat, its lease, and the fence around its writes.

A process that dies, freezes or loses the database stops renewing its heartbeat; after the lease another one recovers
its work (`bot.engine.recovery`). The fence is the other half of that guarantee: a process that has not renewed its
heartbeat within the lease changes nothing in the outside world before the database has confirmed that the work is still
its own.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.storage.executors import Executors, Pulse
from bot.upstream import HEARTBEAT, LEASE, elapsed_clock

T = TypeVar("T")

_log = log.get(__name__)

MARGIN = 0.2
"""The fraction of the lease by which the fence closes before another executor may take the work."""


def new_executor_id(name: str) -> str:
    """A new executor id, unique to one start of the process.

    :param name: the process' readable name, of which at most 40 characters are used
    """
    return f"{name[:40]}-{uuid.uuid4().hex[:16]}"


class Membership:
    """The heartbeat of one executor.

    :param executor: its id
    :param version: of the workflows that it runs
    :param is_shared: whether other processes may work on the database; if not, nothing has to be renewed
    :param clock: monotonic, in seconds
    """

    def __init__(
        self,
        executors: Executors,
        *,
        executor: str,
        version: str,
        is_shared: bool,
        period: float = HEARTBEAT,
        lease: float = LEASE,
        clock: Callable[[], float] = elapsed_clock,
    ) -> None:
        self.executor = executor
        self.executors = executors
        self._version = version
        self._is_shared = is_shared
        self._period = period
        self._fresh_for = lease * (1 - MARGIN)
        self._clock = clock
        self._confirmed_at = float("-inf")
        self._pulse = Pulse(is_alive=True, leads=False, dead=())
        self._is_requested = asyncio.Event()
        self._has_answered = asyncio.Condition()
        # A thread of its own: the heartbeat must not wait for other database work.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heartbeat")

    @property
    def leads(self) -> bool:
        """Whether this process does what only one may do: retention, polling for all, missed deliveries."""
        return self._pulse.leads and self._is_fresh

    @property
    def is_replaced(self) -> bool:
        """Whether another executor has replaced this one."""
        return not self._pulse.is_alive

    @property
    def _is_fresh(self) -> bool:
        return not self._is_shared or self._clock() - self._confirmed_at < self._fresh_for

    async def start(self) -> Pulse:
        """Registers the executor.

        :returns: the result of its first heartbeat
        :raises SQLAlchemyError: if the database rejects it
        """
        await self._in_own_thread(partial(self.executors.register, self.executor, version=self._version))
        return await self._beat()

    async def run(self) -> None:
        """Renews the heartbeat each period, and at once when the fence needs it; returns once another executor has
        replaced this one, which cannot happen on a database of one process."""
        if not self._is_shared:
            await asyncio.Event().wait()
        while not self.is_replaced:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period):
                    await self._is_requested.wait()
            # Cleared before the request: an unresponsive database is tried once a period, not without a pause.
            self._is_requested.clear()
            try:
                await self._beat()
            except SQLAlchemyError as error:
                _log.warning("executor.heartbeat_failed", executor=self.executor, reason=type(error).__name__)

    async def next_dead(self) -> tuple[str, ...]:
        """Waits for the next heartbeat that finds executors whose work has to be recovered."""
        async with self._has_answered:
            while True:
                await self._has_answered.wait()
                if self._pulse.dead:
                    return self._pulse.dead

    async def check(self) -> None:
        """The fence: returns once it is certain that this executor's work is its own. Call it before every write to the
        outside world and before a step's result is recorded.

        :raises asyncio.CancelledError: if another executor has the work; the engine does not count it as an outcome
        """
        if not (self._is_fresh or self.is_replaced):
            self._is_requested.set()
            async with self._has_answered:
                await self._has_answered.wait_for(lambda: self._is_fresh or self.is_replaced)
        if self.is_replaced:
            raise asyncio.CancelledError

    async def stop(self) -> None:
        """Ends the executor: what it leaves may be recovered at once."""
        try:
            if not self.is_replaced:
                await self._in_own_thread(partial(self.executors.stop, self.executor))
        except SQLAlchemyError as error:
            _log.warning("executor.stop_not_recorded", executor=self.executor, reason=type(error).__name__)
        finally:
            self.close()

    def close(self) -> None:
        """Frees the thread without stopping the executor."""
        self._thread.shutdown(wait=False)

    async def _beat(self) -> Pulse:
        # Measured from before the request: the database's clock cannot have been later than its response.
        requested_at = self._clock()
        pulse = await self._in_own_thread(partial(self.executors.beat, self.executor))
        was_replaced, self._pulse = self.is_replaced, pulse
        if pulse.is_alive:
            self._confirmed_at = requested_at
        async with self._has_answered:
            self._has_answered.notify_all()
        if self.is_replaced and not was_replaced:
            _log.error("executor.replaced", executor=self.executor)
        return pulse

    async def _in_own_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
