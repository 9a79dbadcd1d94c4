"""The budget of writes that keeps GitHub's secondary limit away."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.session import OpenSession
from tests.github.scripted_server import NOW, Reply, Script
from tests.github.slots import slot
from tests.harness import TIMEOUT
from tests.harness.clock import Clock


@pytest.fixture
def budget(clock: Clock) -> ContentBudget:
    return ContentBudget(clock=clock, sleep=clock.sleep)


async def times(budget: ContentBudget, clock: Clock, count: int) -> list[float]:
    """When each of so many writes may go, in seconds from now."""
    begun, moments = clock.now, []
    for _ in range(count):
        await slot(budget)
        moments.append(clock.now - begun)
    return moments


async def test_slot_burst_then_one_per_second(budget: ContentBudget, clock: Clock) -> None:
    assert await times(budget, clock, 8) == [0, 0, 0, 0, 0, 1, 2, 3]


async def test_slot_burst_again_after_quiet_time(budget: ContentBudget, clock: Clock) -> None:
    await times(budget, clock, 8)
    clock.now += 2
    assert await times(budget, clock, 4) == [0, 0, 1, 2]
    clock.now += 60
    assert await times(budget, clock, 6) == [0, 0, 0, 0, 0, 1]


async def test_slot_windows_of_minute_and_hour(clock: Clock) -> None:
    budget = ContentBudget(min_gap=0, clock=clock, sleep=clock.sleep)
    moments = await times(budget, clock, 1200)
    for length, count in ((60, 80), (3600, 500)):
        assert all(later - earlier >= length for earlier, later in zip(moments, moments[count:], strict=False))
    assert moments[79] == 0
    assert moments[80] == 60
    assert moments[500] == 3600


async def test_slot_order_of_arrival(budget: ContentBudget) -> None:
    invocation: list[int] = []

    async def write(number: int) -> None:
        await slot(budget)
        invocation.append(number)

    await asyncio.gather(*(write(number) for number in range(30)))
    assert invocation == list(range(30))


async def test_slot_cancelled_waiter_takes_none(clock: Clock) -> None:
    asleep = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    budget = ContentBudget(burst=1, clock=clock, sleep=sleep)
    await slot(budget)
    waiter = asyncio.create_task(slot(budget))
    await asleep.wait()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    clock.now += 1
    await asyncio.wait_for(slot(budget), TIMEOUT)


async def test_pause_blocks_writes(budget: ContentBudget, clock: Clock) -> None:
    budget.pause(30)
    budget.pause(10)
    assert budget.paused_for == 30
    assert await times(budget, clock, 2) == [30, 30]
    assert budget.paused_for == 0


async def test_pause_during_wait_prolongs_it(clock: Clock) -> None:
    async def sleep(seconds: float) -> None:
        if not clock.slept:
            told.pause(20)
        await clock.sleep(seconds)

    told = ContentBudget(burst=1, clock=clock, sleep=sleep)
    await slot(told)
    await slot(told)
    assert clock.slept == [1.0, 19.0]


async def test_client_budget_is_for_writes_only(script: Script, github: GitHub, clock: Clock) -> None:
    script.on("GET", "/repos/octo/shop", Reply({"default_branch": "main"}))
    script.on("POST", "/repos/octo/shop/issues/1/labels", Reply([]))
    for _ in range(20):
        await github.default_branch("octo/shop")
    assert clock.slept == []
    for _ in range(7):
        await github.add_labels("octo/shop", 1, ["x"])
    assert clock.slept == [1.0, 1.0]


async def test_client_default_budget(script: Script, session: OpenSession) -> None:
    clock = Clock(NOW)
    script.on("POST", "/repos/octo/shop/issues/1/labels", Reply([]))
    github = GitHub(session, TokenAuth("ghp_secret"), base_url=script.url, sleep=clock.sleep)
    began, writes = time.monotonic(), 0
    while not clock.slept:
        await github.add_labels("octo/shop", 1, ["x"])
        writes += 1
    # The sixth waits; one more need not with each second that they take.
    assert 6 <= writes <= 6 + (time.monotonic() - began)
