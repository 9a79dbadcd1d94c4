"""An order is written down before anybody is told so, many in one write; what cannot be written is told."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from bot.engine.inbox import Inbox
from bot.errors import StoreError
from bot.store.orders import Orders, State, Taken
from tests.log_lines import lines, logged

pytest_plugins = ["tests.databases"]


class Slow(Orders):
    """The table of orders, with a door before it.

    :ivar batches: how many orders each write held
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.door = threading.Event()
        self.door.set()
        self.batches: list[int] = []
        self.failure: Exception | None = None

    def take(self, orders: Any, **more: Any) -> set[str]:
        self.batches.append(len(orders))
        assert self.door.wait(10)
        if self.failure is not None:
            raise self.failure
        return super().take(orders, **more)


class Desk:
    """An inbox, and what it handed on."""

    def __init__(self, orders: Orders) -> None:
        self.handed_on: list[str] = []
        self.inbox = Inbox(
            orders,
            executor="me",
            taken=lambda taken: self.handed_on.append(taken.identity),
            now=lambda: datetime.now(UTC),
        )
        self.inbox.start()

    def take(self, identity: str) -> asyncio.Task[bool]:
        return asyncio.create_task(self.inbox.take(Taken(identity, {"for": identity})))


async def test_whatever_comes_during_a_write_is_the_next_one(database: Engine) -> None:
    orders = Slow(database)
    desk = Desk(orders)
    orders.door.clear()
    first = desk.take("first")
    while not orders.batches:  # noqa: ASYNC110 - it is another thread that writes
        await asyncio.sleep(0.001)
    rest = [desk.take(f"order-{number}") for number in range(50)]
    await asyncio.sleep(0)
    orders.door.set()
    assert await first
    assert all(await asyncio.gather(*rest))
    assert orders.batches == [1, 50]
    assert desk.handed_on == ["first", *(f"order-{number}" for number in range(50))]
    await desk.inbox.aclose()


async def test_the_same_order_twice_is_handed_on_once(database: Engine) -> None:
    desk = Desk(Orders(database))
    first, second = await asyncio.gather(desk.take("a"), desk.take("a"))
    assert (first, second) == (True, False)
    assert not await desk.take("a")
    assert desk.handed_on == ["a"]
    await desk.inbox.aclose()


async def test_who_stops_waiting_has_ordered_all_the_same(database: Engine) -> None:
    orders = Slow(database)
    desk = Desk(orders)
    orders.door.clear()
    impatient = desk.take("a")
    await asyncio.sleep(0)
    impatient.cancel()
    orders.door.set()
    assert not await desk.take("a")
    assert desk.handed_on == ["a"]
    await desk.inbox.aclose()


async def test_what_the_database_does_not_take_is_told_and_may_come_again(database: Engine) -> None:
    orders = Slow(database)
    desk = Desk(orders)
    orders.failure = OperationalError("INSERT INTO secret_table", {"document": "hunter2"}, Exception("disk is full"))
    with logged() as log:
        for failed in await asyncio.gather(desk.take("a"), desk.take("b"), return_exceptions=True):
            assert isinstance(failed, StoreError)
            assert str(failed) == "disk is full"
    assert [line["event"] for line in lines(log)] == ["inbox.not-written"]
    assert "hunter2" not in log.getvalue()
    orders.failure = None
    assert await desk.take("a")
    assert desk.handed_on == ["a"]
    await desk.inbox.aclose()


async def test_that_an_order_was_begun_is_noted_soon_at_the_latest_at_the_end(database: Engine) -> None:
    orders = Orders(database)
    desk = Desk(orders)
    await desk.take("a")
    await desk.take("b")
    desk.inbox.begun("a")
    await desk.inbox.aclose()
    assert orders.find("a") == (State.BEGUN, None)
    assert orders.find("b") == (State.WAITING, None)


async def test_nothing_is_taken_once_it_closes(database: Engine) -> None:
    desk = Desk(Orders(database))
    await desk.inbox.aclose()
    with pytest.raises(StoreError, match="being stopped"):
        await desk.take("a")
