"""The bot waits for a slot instead of provoking a 429."""

from __future__ import annotations

import asyncio

import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import WINDOWS, RateLimits
from bot.emulator.codegen import CodegenEmulator
from tests.codegen.clock import Clock
from tests.codegen.description import needs_description, operation_at


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits({"few": (3, 10.0), "other": (1, 5.0)}, clock=clock, sleep=clock.sleep)


async def take(limits: RateLimits, count: int, name: str | None = "few") -> None:
    for _ in range(count):
        await limits.slot(name)


async def test_nobody_waits_while_there_are_slots(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    assert clock.slept == []


async def test_a_slot_comes_back_when_its_window_is_over(limits: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        await take(limits, 1)
        clock.passes(2)
    assert limits.wait_for("few") == 4
    await take(limits, 1)
    assert clock.slept == [4.0]
    await take(limits, 1)
    assert clock.slept == [4.0, 2.0]


async def test_in_no_window_there_are_more_than_allowed(limits: RateLimits, clock: Clock) -> None:
    taken = []
    for place in range(50):
        await limits.slot("few")
        taken.append(clock.now)
        clock.passes(place % 3)
    assert all(later - sooner >= 10 for sooner, later in zip(taken, taken[3:], strict=False))


async def test_each_class_has_its_own_window(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    await take(limits, 1, "other")
    assert clock.slept == []
    assert (limits.wait_for("few"), limits.wait_for("other")) == (10, 5)


@pytest.mark.parametrize("name", [None, "unheard-of"])
async def test_what_has_no_window_never_waits(limits: RateLimits, clock: Clock, name: str | None) -> None:
    limits.pause(name, 60)
    await take(limits, 100, name)
    assert clock.slept == []
    assert limits.wait_for(name or "") == 0


async def test_first_come_first_served(limits: RateLimits, clock: Clock) -> None:
    served: list[int] = []

    async def come(place: int) -> None:
        await limits.slot("few")
        served.append(place)

    await asyncio.gather(*(come(place) for place in range(10)))
    assert served == [*range(10)]
    assert clock.now == 1000 + 30


async def test_a_request_counts_from_its_end_on(limits: RateLimits, clock: Clock) -> None:
    """The API counts it when it arrives, which may be any time before its answer."""
    async with limits.place("few"):
        clock.passes(8)
    await take(limits, 2)
    assert limits.wait_for("few") == 10
    clock.passes(9)
    assert limits.wait_for("few") == 1


async def test_a_request_under_way_keeps_its_slot(limits: RateLimits, clock: Clock) -> None:
    """However long it takes; and it is looked again, though nobody knows when it ends."""
    async with limits.place("few"), limits.place("few"), limits.place("few"):
        clock.passes(60)
        assert limits.wait_for("few") == 1
    assert limits.wait_for("few") == 10


async def test_who_gives_up_takes_no_slot(limits: RateLimits, clock: Clock) -> None:
    """And does not keep the others waiting."""
    await take(limits, 3)
    impatient, patient = asyncio.create_task(limits.slot("few")), asyncio.create_task(limits.slot("few"))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert impatient.cancelled()
    clock.passes(10)
    assert limits.wait_for("few") == 0


async def test_nobody_is_served_during_a_pause(limits: RateLimits, clock: Clock) -> None:
    limits.pause("few", 30)
    limits.pause("few", 5)
    assert limits.wait_for("few") == 30
    await take(limits, 1)
    assert clock.now == 1030
    await take(limits, 1, "other")
    assert clock.now == 1030


async def test_a_pause_also_holds_for_those_who_wait_already(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    waiting = asyncio.create_task(limits.slot("few"))
    await asyncio.sleep(0)
    limits.pause("few", 45)
    await waiting
    assert clock.now == 1000 + 45 + 10


async def test_however_much_is_asked_nothing_is_refused(
    codegen: Codegen, emulator: CodegenEmulator, clock: Clock
) -> None:
    """The emulator counts by the same clock, as Codegen does."""
    for _ in range(15):
        await codegen.create_run("Hello")
    for _ in range(150):
        await codegen.run(1)
    for _ in range(70):
        await codegen.logs_page(1)
    statuses = [entry.status for entry in emulator.control.journal]
    assert statuses == [200] * (15 + 150 + 70)
    assert clock.slept == [60.0, 30.0, 30.0, 60.0]


@needs_description
@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("read", "GET", "/v1/organizations/1/agent/runs"),
        ("logs", "GET", "/v1/alpha/organizations/1/agent/run/1/logs"),
        ("create", "POST", "/v1/organizations/1/agent/run"),
        ("setup-commands", "POST", "/v1/organizations/1/setup-commands/generate"),
        ("analyze-logs", "POST", "/v1/organizations/1/sandbox/7/analyze-logs"),
        ("edit-pull-request", "PATCH", "/v1/organizations/1/prs/9001"),
    ],
)
def test_the_windows_are_the_described_ones(name: str, method: str, path: str) -> None:
    assert WINDOWS[name] == operation_at(method, path).rate
