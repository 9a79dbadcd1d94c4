"""An order is written down before anybody is told so, many in one write; what cannot be written is told."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from bot.engine.job_queue import JobQueue
from bot.errors import StoreError
from bot.store.jobs import JobState, JobStore, QueuedJob
from tests.log_lines import lines, logged

pytest_plugins = ["tests.databases"]


class Slow(JobStore):
    """The table of orders, with a door before it.

    :ivar batches: how many orders each write held
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.door = threading.Event()
        self.door.set()
        self.batches: list[int] = []
        self.failure: Exception | None = None

    def take(self, invocations: Any, **more: Any) -> set[str]:
        self.batches.append(len(invocations))
        assert self.door.wait(10)
        if self.failure is not None:
            raise self.failure
        return super().take(invocations, **more)


class QueueHarness:
    """An inbox, and what it handed on."""

    def __init__(self, orders: JobStore) -> None:
        self.handed_on: list[str] = []
        self.inbox = JobQueue(
            orders,
            executor="me",
            taken=lambda taken: self.handed_on.append(taken.identity),
            now=lambda: datetime.now(UTC),
        )
        self.inbox.start()

    def take(self, identity: str) -> asyncio.Task[bool]:
        return asyncio.create_task(self.inbox.take(QueuedJob(identity, {"for": identity})))


async def test_whatever_comes_during_a_write_is_the_next_one(database: Engine) -> None:
    orders = Slow(database)
    inline_executor = QueueHarness(orders)
    orders.door.clear()
    first = inline_executor.take("first")
    while not orders.batches:  # noqa: ASYNC110 - it is another thread that writes
        await asyncio.sleep(0.001)
    rest = [inline_executor.take(f"order-{number}") for number in range(50)]
    await asyncio.sleep(0)
    orders.door.set()
    assert await first
    assert all(await asyncio.gather(*rest))
    assert orders.batches == [1, 50]
    assert inline_executor.handed_on == ["first", *(f"order-{number}" for number in range(50))]
    await inline_executor.inbox.aclose()


async def test_the_same_order_twice_is_handed_on_once(database: Engine) -> None:
    inline_executor = QueueHarness(JobStore(database))
    first, second = await asyncio.gather(inline_executor.take("a"), inline_executor.take("a"))
    assert (first, second) == (True, False)
    assert not await inline_executor.take("a")
    assert inline_executor.handed_on == ["a"]
    await inline_executor.inbox.aclose()


async def test_who_stops_waiting_has_ordered_all_the_same(database: Engine) -> None:
    orders = Slow(database)
    inline_executor = QueueHarness(orders)
    orders.door.clear()
    impatient = inline_executor.take("a")
    await asyncio.sleep(0)
    impatient.cancel()
    orders.door.set()
    assert not await inline_executor.take("a")
    assert inline_executor.handed_on == ["a"]
    await inline_executor.inbox.aclose()


async def test_what_the_database_does_not_take_is_told_and_may_come_again(database: Engine) -> None:
    orders = Slow(database)
    inline_executor = QueueHarness(orders)
    orders.failure = OperationalError("INSERT INTO secret_table", {"document": "hunter2"}, Exception("disk is full"))
    with logged() as log:
        for failed in await asyncio.gather(
            inline_executor.take("a"), inline_executor.take("b"), return_exceptions=True
        ):
            assert isinstance(failed, StoreError)
            assert str(failed) == "disk is full"
    assert [line["event"] for line in lines(log)] == ["job_queue.write_failed"]
    assert "hunter2" not in log.getvalue()
    orders.failure = None
    assert await inline_executor.take("a")
    assert inline_executor.handed_on == ["a"]
    await inline_executor.inbox.aclose()


async def test_that_an_order_was_begun_is_noted_soon_at_the_latest_at_the_end(database: Engine) -> None:
    orders = JobStore(database)
    inline_executor = QueueHarness(orders)
    await inline_executor.take("a")
    await inline_executor.take("b")
    inline_executor.inbox.begun("a")
    await inline_executor.inbox.aclose()
    assert orders.find("a") == (JobState.BEGUN, None)
    assert orders.find("b") == (JobState.WAITING, None)


async def test_nothing_is_taken_once_it_closes(database: Engine) -> None:
    inline_executor = QueueHarness(JobStore(database))
    await inline_executor.inbox.aclose()
    with pytest.raises(StoreError, match="being stopped"):
        await inline_executor.take("a")
