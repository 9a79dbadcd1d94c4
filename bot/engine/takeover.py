"""Several processes on one database: each has a name of its own, and the work of one that is gone is taken over.

A process holds a lock by its name as long as it lives (`bot.store.locks`). Whose lock has been free for a while is
gone; whoever of the others sees it first makes its work everybody's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot import log
from bot.errors import SettingsError
from bot.store.in_thread import in_thread
from bot.store.locks import Locks
from bot.store.orders import Executors

_log = log.get(__name__)

GRACE = 5.0
"""Seconds for which a lock must be free: a restart of PostgreSQL takes everybody's away for a moment."""

MOST_EXECUTORS = 1_000


def lock_of(executor: str) -> str:
    return f"executor {executor}"


async def claim_name(locks: Locks, wanted: str) -> str:
    """The wanted executor id, or where another process has it the first of ``wanted-2``, ``wanted-3``... that is free.

    A process that comes back takes the first free one again, and with it the work that was left under it.
    """
    for number in range(1, MOST_EXECUTORS):
        name = wanted if number == 1 else f"{wanted}-{number}"
        if await locks.try_hold(lock_of(name)):
            return name
    raise SettingsError(f"EXECUTOR_ID: {MOST_EXECUTORS - 1} processes already work under {wanted}.")


class Takeover:
    """Watches over the other processes, and over the own name.

    :param me: the own executor id, whose lock is held
    :param take_over: makes a gone process' work everybody's
    :param lost: is called once where another process has got the own name: the work here is not ours any more
    :param period: seconds between two looks
    """

    def __init__(
        self,
        locks: Locks,
        executors: Executors,
        *,
        me: str,
        take_over: Callable[[str], Awaitable[None]],
        lost: Callable[[], None],
        period: float = 1.0,
        grace: float = GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._locks = locks
        self._executors = executors
        self._me = me
        self._take_over = take_over
        self._lost = lost
        self._period = period
        self._grace = grace
        self._clock = clock
        self._gone_since: dict[str, float] = {}

    async def watch(self) -> None:
        """Until it is cancelled, or the own name is lost."""
        answers = True
        while True:
            await asyncio.sleep(self._period)
            try:
                if not await self._locks.try_hold(lock_of(self._me)):
                    _log.error("executor.lost", executor=self._me)
                    self._lost()
                    return
                await self._look()
            except SQLAlchemyError as error:
                if answers:
                    _log.warning("executor.database-does-not-answer", reason=type(error).__name__)
                # Nobody is gone because we cannot see them.
                self._gone_since.clear()
                answers = False
            else:
                answers = True

    async def _look(self) -> None:
        known = await in_thread(self._executors.all)
        if self._me not in known:
            # Somebody has taken over what was here before this process came back under the name.
            await in_thread(partial(self._executors.add, self._me))
        others = [name for name in known if name != self._me]
        if not others:
            return
        held = await self._locks.held([lock_of(name) for name in others])
        now = self._clock()
        gone = [name for name in others if lock_of(name) not in held]
        self._gone_since = {name: self._gone_since.get(name, now) for name in gone}
        for name in gone:
            if now - self._gone_since[name] >= self._grace:
                await self._end(name)

    async def _end(self, name: str) -> None:
        # Held meanwhile: under a name that somebody comes back to, what runs must not be taken for what was left.
        if not await self._locks.try_hold(lock_of(name)):
            return
        try:
            await self._take_over(name)
            await in_thread(partial(self._executors.remove, name))
            self._gone_since.pop(name, None)
        finally:
            await self._locks.release(lock_of(name))
