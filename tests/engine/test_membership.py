"""The heartbeat, and the fence that closes when it is late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from bot.engine.membership import Membership, new_executor_id
from bot.engine.recovery import Failover, Recovery
from bot.storage.executors import Executors, Pulse
from tests.harness import TIMEOUT
from tests.harness.clock import Clock

LEASE = 10.0


class Table(Executors):
    """Executors without a database: what each heartbeat learns is set."""

    def __init__(self) -> None:
        self.pulse = Pulse(is_alive=True, leads=True, dead=())
        self.beats = 0
        self.answers = True

    def register(self, executor: str, *, version: str) -> None:
        pass

    def beat(self, executor: str) -> Pulse:
        self.beats += 1
        if not self.answers:
            raise OperationalError("SELECT 1", {}, Exception("gone"))
        return self.pulse


class FailingOnce(Recovery):
    def __init__(self) -> None:
        self.recovered: list[str] = []

    async def recover(self, dead: str) -> None:
        self.recovered.append(dead)
        if len(self.recovered) == 1:
            raise OperationalError("UPDATE", {}, Exception("gone"))


@asynccontextmanager
async def member(table: Executors, clock: Clock, *, is_shared: bool = True) -> AsyncIterator[Membership]:
    """A membership whose heartbeat is renewed only when the fence asks, within the test's time."""
    membership = Membership(
        table, executor="me", version="1", is_shared=is_shared, period=0.02, lease=LEASE, clock=clock
    )
    await membership.start()
    beating = asyncio.create_task(membership.run())
    try:
        yield membership
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        membership.close()


async def test_check_within_the_lease_asks_nothing() -> None:
    table, clock = Table(), Clock(100.0)
    membership = Membership(table, executor="me", version="1", is_shared=True, lease=LEASE, clock=clock)
    await membership.start()
    clock.now += LEASE / 2
    await membership.check()
    assert table.beats == 1
    membership.close()


async def test_check_after_the_lease_waits_for_the_database() -> None:
    table, clock = Table(), Clock(100.0)
    async with member(table, clock) as membership:
        table.answers = False
        clock.now += LEASE
        checking = asyncio.create_task(membership.check())
        beats = table.beats
        while table.beats < beats + 3:  # noqa: ASYNC110 - beats are counted in a thread
            await asyncio.sleep(0.01)
        assert not checking.done()
        assert not membership.leads
        table.answers = True
        await asyncio.wait_for(checking, TIMEOUT)
        assert membership.leads


async def test_check_of_a_replaced_executor_is_cancelled() -> None:
    table, clock = Table(), Clock(100.0)
    async with member(table, clock) as membership:
        table.pulse = Pulse(is_alive=False, leads=False, dead=())
        clock.now += LEASE
        with pytest.raises(asyncio.CancelledError):
            await membership.check()
        assert membership.is_replaced
        assert not membership.leads


async def test_run_returns_once_the_executor_is_replaced() -> None:
    table, clock = Table(), Clock(100.0)
    membership = Membership(table, executor="me", version="1", is_shared=True, period=0.01, lease=LEASE, clock=clock)
    await membership.start()
    table.pulse = Pulse(is_alive=False, leads=False, dead=())
    await asyncio.wait_for(membership.run(), TIMEOUT)
    membership.close()


async def test_check_alone_on_a_database_never_waits() -> None:
    table, clock = Table(), Clock(100.0)
    async with member(table, clock, is_shared=False) as membership:
        clock.now += 100 * LEASE
        await membership.check()
        assert membership.leads
        assert table.beats == 1


def test_new_executor_id_is_never_the_same() -> None:
    assert new_executor_id("bot") != new_executor_id("bot")
    assert len(new_executor_id("x" * 1_000)) < 60


async def test_failover_repeats_a_recovery_that_failed(postgresql: Engine) -> None:
    executors = Executors(postgresql, lease=LEASE)
    executors.register("dead", version="1")
    executors.stop("dead")
    recovery = FailingOnce()
    membership = Membership(executors, executor="me", version="1", is_shared=True, period=0.02)
    await membership.start()
    failover = Failover(membership, recovery)
    tasks = [asyncio.create_task(membership.run()), asyncio.create_task(failover.run())]
    async with asyncio.timeout(TIMEOUT):
        while "dead" in await asyncio.to_thread(executors.versions):  # noqa: ASYNC110 - what a thread writes calls nobody
            await asyncio.sleep(0.02)
    assert recovery.recovered == ["dead", "dead"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await membership.stop()
