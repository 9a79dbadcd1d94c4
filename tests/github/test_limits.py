"""The budget of writes that keeps GitHub's secondary limit away."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from tests.github.answering import Clock, Reply, Script
from tests.github.turns import slot


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


async def test_a_few_writes_go_at_once_and_then_one_a_second(budget: ContentBudget, clock: Clock) -> None:
    assert await times(budget, clock, 8) == [0, 0, 0, 0, 0, 1, 2, 3]


async def test_after_a_quiet_time_a_few_go_at_once_again(budget: ContentBudget, clock: Clock) -> None:
    await times(budget, clock, 8)
    clock.now += 2
    assert await times(budget, clock, 4) == [0, 0, 1, 2]
    clock.now += 60
    assert await times(budget, clock, 6) == [0, 0, 0, 0, 0, 1]


async def test_no_minute_holds_more_than_eighty_and_no_hour_more_than_five_hundred(clock: Clock) -> None:
    budget = ContentBudget(min_gap=0, clock=clock, sleep=clock.sleep)
    moments = await times(budget, clock, 1200)
    for length, count in ((60, 80), (3600, 500)):
        assert all(later - earlier >= length for earlier, later in zip(moments, moments[count:], strict=False))
    assert moments[79] == 0
    assert moments[80] == 60
    assert moments[500] == 3600


async def test_writes_go_in_the_order_they_came(budget: ContentBudget) -> None:
    invocation: list[int] = []

    async def write(number: int) -> None:
        await slot(budget)
        invocation.append(number)

    await asyncio.gather(*(write(number) for number in range(30)))
    assert invocation == list(range(30))


async def test_a_waiter_that_is_cancelled_takes_nothing(clock: Clock) -> None:
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
    await asyncio.wait_for(slot(budget), 1)


async def test_a_pause_holds_every_write_back(budget: ContentBudget, clock: Clock) -> None:
    budget.pause(30)
    budget.pause(10)
    assert budget.paused_for == 30
    assert await times(budget, clock, 2) == [30, 30]
    assert budget.paused_for == 0


async def test_a_pause_that_begins_while_a_write_waits_is_heeded(clock: Clock) -> None:
    async def sleep(seconds: float) -> None:
        if not clock.slept:
            told.pause(20)
        await clock.sleep(seconds)

    told = ContentBudget(burst=1, clock=clock, sleep=sleep)
    await slot(told)
    await slot(told)
    assert clock.slept == [1.0, 19.0]


async def test_the_clients_writes_keep_to_the_budget_and_its_reads_need_not(
    script: Script, github: GitHub, clock: Clock
) -> None:
    script.on("GET", "/repos/octo/shop", Reply({"default_branch": "main"}))
    script.on("POST", "/repos/octo/shop/issues/1/labels", Reply([]))
    for _ in range(20):
        await github.default_branch("octo/shop")
    assert clock.slept == []
    for _ in range(7):
        await github.add_labels("octo/shop", 1, ["x"])
    assert clock.slept == [1.0, 1.0]


async def test_without_a_budget_of_its_own_the_client_makes_one(script: Script, session: aiohttp.ClientSession) -> None:
    clock = Clock()
    script.on("POST", "/repos/octo/shop/issues/1/labels", Reply([]))
    github = GitHub(session, TokenAuth("ghp_secret"), base_url=script.url, sleep=clock.sleep)
    for _ in range(6):
        await github.add_labels("octo/shop", 1, ["x"])
    assert len(clock.slept) == 1
