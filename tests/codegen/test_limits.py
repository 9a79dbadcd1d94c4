"""The bot waits for a slot instead of provoking a 429."""

from __future__ import annotations

import asyncio

import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import WINDOWS, RateLimits
from bot.emulators.codegen import CodegenEmulator
from tests.codegen.description import needs_description, operation_at
from tests.harness.clock import Clock


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits({"few": (3, 10.0), "other": (1, 5.0)}, clock=clock, sleep=clock.sleep)


async def slot(limits: RateLimits, name: str | None) -> None:
    """Waits until a request of this class may be sent, and counts it from now on."""
    async with limits.slot(name):
        pass


async def take(limits: RateLimits, count: int, name: str | None = "few") -> None:
    for _ in range(count):
        await slot(limits, name)


async def test_slot_free_does_not_wait(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    assert clock.slept == []


async def test_slot_waits_until_window_is_over(limits: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        await take(limits, 1)
        clock.advance(2)
    assert limits.wait_for("few") == 4
    await take(limits, 1)
    assert clock.slept == [4.0]
    await take(limits, 1)
    assert clock.slept == [4.0, 2.0]


async def test_slot_no_window_exceeds_its_count(limits: RateLimits, clock: Clock) -> None:
    taken = []
    for place in range(50):
        await slot(limits, "few")
        taken.append(clock.now)
        clock.advance(place % 3)
    assert all(later - sooner >= 10 for sooner, later in zip(taken, taken[3:], strict=False))


async def test_slot_window_per_class(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    await take(limits, 1, "other")
    assert clock.slept == []
    assert (limits.wait_for("few"), limits.wait_for("other")) == (10, 5)


@pytest.mark.parametrize("name", [None, "unheard-of"])
async def test_slot_without_window_never_waits(limits: RateLimits, clock: Clock, name: str | None) -> None:
    limits.pause(name, 60)
    await take(limits, 100, name)
    assert clock.slept == []
    assert limits.wait_for(name or "") == 0


async def test_slot_order_of_arrival(limits: RateLimits, clock: Clock) -> None:
    served: list[int] = []

    async def come(place: int) -> None:
        await slot(limits, "few")
        served.append(place)

    await asyncio.gather(*(come(place) for place in range(10)))
    assert served == [*range(10)]
    assert clock.now == 1000 + 30


async def test_slot_counts_from_its_end(limits: RateLimits, clock: Clock) -> None:
    """The API counts it when it arrives, which may be any time before its answer."""
    async with limits.slot("few"):
        clock.advance(8)
    await take(limits, 2)
    assert limits.wait_for("few") == 10
    clock.advance(9)
    assert limits.wait_for("few") == 1


async def test_slot_in_flight_is_occupied(limits: RateLimits, clock: Clock) -> None:
    """However long it takes; and it is looked again, though nobody knows when it ends."""
    async with limits.slot("few"), limits.slot("few"), limits.slot("few"):
        clock.advance(60)
        assert limits.wait_for("few") == 1
    assert limits.wait_for("few") == 10


async def test_slot_cancelled_waiter_takes_none(limits: RateLimits, clock: Clock) -> None:
    """And does not keep the others waiting."""
    await take(limits, 3)
    impatient, patient = asyncio.create_task(slot(limits, "few")), asyncio.create_task(slot(limits, "few"))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert impatient.cancelled()
    clock.advance(10)
    assert limits.wait_for("few") == 0


async def test_pause_blocks_slots(limits: RateLimits, clock: Clock) -> None:
    limits.pause("few", 30)
    limits.pause("few", 5)
    assert limits.wait_for("few") == 30
    await take(limits, 1)
    assert clock.now == 1030
    await take(limits, 1, "other")
    assert clock.now == 1030


async def test_pause_prolongs_waits(limits: RateLimits, clock: Clock) -> None:
    await take(limits, 3)
    waiting = asyncio.create_task(slot(limits, "few"))
    await asyncio.sleep(0)
    limits.pause("few", 45)
    await waiting
    assert clock.now == 1000 + 45 + 10


async def test_client_never_exceeds_emulator_limits(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
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
def test_windows_match_description(name: str, method: str, path: str) -> None:
    assert WINDOWS[name] == operation_at(method, path).rate
