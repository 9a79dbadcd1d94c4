"""Waiting for runs: what it costs, how often it looks, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun
from bot.codegen.polling import PollResult
from bot.codegen.states import State
from bot.codegen.watcher import MOST_REQUESTS, RunWatcher
from bot.emulator.codegen import CodegenEmulator
from tests.codegen.bell import Notification, asked, begin, watching
from tests.codegen.clock import Clock

# One request for all


async def test_many_runs_cost_one_request(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 60)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(1, 61)]
    await notification.asleep()
    assert asked(emulator) == ["from 0"]
    for number in range(1, 60):
        emulator.finish(number, result=f"Done {number}.")
    await notification.rings()
    results = [run.result for run in await asyncio.gather(*waits[:59])]
    assert results == [f"Done {number}." for number in range(1, 60)]
    assert not waits[59].done()
    emulator.fail(60)
    await notification.rings()
    assert (await waits[59]).state is State.FAILED
    assert asked(emulator) == ["from 0"] * 2


async def test_many_who_wait_for_one_run_cost_one_request(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 1)
    waits = [asyncio.create_task(watcher.finished(1)) for _ in range(100)]
    await notification.asleep()
    emulator.finish(1)
    await notification.rings()
    assert {run.succeeded for run in await asyncio.gather(*waits)} == {True}
    assert asked(emulator) == ["from 0"] * 2


async def test_a_run_that_has_ended_already_is_reported_at_once(watcher: RunWatcher, emulator: CodegenEmulator) -> None:
    begin(emulator, 1)
    emulator.finish(1)
    assert (await watcher.finished(1)).succeeded


async def test_nothing_is_asked_while_nobody_waits(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 2)
    wait = asyncio.create_task(watcher.finished(1))
    await notification.asleep()
    emulator.finish(1)
    await notification.rings()
    await wait
    await asyncio.gather(*watching())
    assert len(asked(emulator)) == 2
    emulator.finish(2)
    assert (await watcher.finished(2)).succeeded
    assert len(asked(emulator)) == 1


# Runs that are not on the first pages


async def test_one_old_run_is_read_alone(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 150)
    old, new = asyncio.create_task(watcher.finished(1)), asyncio.create_task(watcher.finished(150))
    await notification.asleep()
    assert asked(emulator) == ["from 0", "1"]
    emulator.finish(1)
    emulator.finish(150)
    await notification.rings()
    assert [(await old).id, (await new).id] == [1, 150]


async def test_several_old_runs_are_looked_for_on_further_pages(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 150)
    waits = [asyncio.create_task(watcher.finished(number)) for number in (1, 2)]
    await notification.asleep()
    assert asked(emulator) == ["from 0", "from 100"]
    for wait in waits:
        wait.cancel()


async def test_many_old_runs_are_looked_for_further_back_each_time(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    """A few pages each time, from where the last look stopped, and those alone that were not seen for longest."""
    begin(emulator, 950)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(1, 8)]
    first = ["from 0", "from 100", "from 200"]

    async def next_look() -> list[str]:
        while not emulator.control.journal:
            await notification.rings()
            await notification.asleep()
        return asked(emulator)

    await notification.asleep()
    assert await next_look() == [*first, "from 300", "from 400", "from 500", "1", "2", "3", "4", "5"]
    assert await next_look() == [*first, "from 600", "from 700", "from 800", "6", "7", "1", "2", "3"]
    assert await next_look() == [*first, "from 900"]
    assert (await next_look())[:4] == [*first, "from 300"]
    for wait in waits:
        wait.cancel()


async def test_pages_that_show_many_of_them_are_read_in_one_go(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 1200)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(201, 1201)]
    await notification.asleep()
    assert asked(emulator) == [f"from {number * 100}" for number in range(10)]
    for wait in waits:
        wait.cancel()


async def test_what_costs_many_requests_is_done_less_often(clock: Clock) -> None:
    looked: list[float] = []
    enough = asyncio.Event()

    class Costly:
        async def look(self, wanted: Sequence[int]) -> PollResult:
            looked.append(clock.now)
            if len(looked) == 3:
                enough.set()
            return PollResult(requests=15)

    watcher = RunWatcher(Costly(), clock=clock, sleep=clock.sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    await enough.wait()
    waiting.cancel()
    await watcher.aclose()
    assert [later - sooner for sooner, later in pairwise(looked[:3])] == [pytest.approx(15 / MOST_REQUESTS)] * 2


async def test_an_old_run_that_cannot_be_read_keeps_nobody_from_their_turn(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    begin(emulator, 310)
    emulator.control.fault(path="/run/1$", times=None)
    waits = [asyncio.create_task(watcher.finished(number)) for number in (1, 2)]
    emulator.finish(2)
    await notification.rings()
    assert (await waits[1]).succeeded
    waits[0].cancel()


# How often


async def test_the_older_a_run_the_rarer_it_is_looked_at(
    quick: RunWatcher, emulator: CodegenEmulator, http: httpx.AsyncClient, clock: Clock
) -> None:
    looks: list[float] = []

    async def note(_request: httpx.Request) -> None:
        looks.append(clock.now)

    http.event_hooks["request"].append(note)
    emulator.script(run_seconds=2000)
    emulator.start_elsewhere("Hello")
    assert (await quick.finished(1)).succeeded
    gaps = [round(later - sooner, 6) for sooner, later in pairwise(looks)]
    assert gaps[:10] == [2.0] * 10
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(15.0)


async def test_a_rest_ends_although_the_interval_grows_meanwhile(clock: Clock) -> None:
    """Each sleep takes a little longer than was asked for, as real ones do."""
    looks = asyncio.Event()

    class Nothing:
        async def look(self, wanted: Sequence[int]) -> PollResult:
            if clock.now > 1100:
                looks.set()
            return PollResult()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds + 0.001)

    watcher = RunWatcher(Nothing(), clock=clock, sleep=sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    async with asyncio.timeout(5):
        await looks.wait()
    waiting.cancel()
    await watcher.aclose()
    assert len(clock.slept) < 200


async def test_somebody_new_among_old_runs_is_served_soon(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification, clock: Clock
) -> None:
    begin(emulator, 2)
    old = asyncio.create_task(watcher.finished(1))
    await notification.asleep()
    clock.passes(1000)
    await notification.rings()
    await notification.asleep()
    asked(emulator)
    await notification.rings()
    await notification.asleep()
    assert asked(emulator) == []
    emulator.finish(2)
    new = asyncio.create_task(watcher.finished(2))
    await asyncio.sleep(0)
    await notification.rings()
    assert (await new).succeeded
    assert asked(emulator) == ["from 0"]
    old.cancel()


# Changes


async def test_each_new_state_is_reported_once(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    told: list[tuple[str | None, int]] = []

    async def hear(run: AgentRun) -> None:
        told.append((run.status, len(run.github_pull_requests)))

    begin(emulator, 1)
    wait = asyncio.create_task(watcher.finished(1, on_change=hear))
    await notification.rings()
    await notification.asleep()
    emulator.move(1, "RUNNING")
    await notification.rings()
    await notification.asleep()
    emulator.open_pull_request(1, "octo/shop#12")
    await notification.rings()
    await notification.rings()
    await notification.asleep()
    emulator.finish(1)
    await notification.rings()
    assert (await wait).succeeded
    assert told == [("PENDING", 0), ("RUNNING", 0), ("RUNNING", 1)]


async def test_what_is_known_already_is_not_told(
    watcher: RunWatcher, codegen: Codegen, emulator: CodegenEmulator, notification: Notification
) -> None:
    told: list[str | None] = []

    async def hear(run: AgentRun) -> None:
        told.append(run.status)

    begin(emulator, 1)
    wait = asyncio.create_task(watcher.finished(1, known=await codegen.run(1), on_change=hear))
    await notification.asleep()
    assert told == []
    wait.cancel()


async def test_who_fails_to_hear_fails_alone(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification
) -> None:
    async def hear(run: AgentRun) -> None:
        raise LookupError("no such comment")

    begin(emulator, 1)
    deaf = asyncio.create_task(watcher.finished(1, on_change=hear))
    other = asyncio.create_task(watcher.finished(1))
    with pytest.raises(LookupError, match="no such comment"):
        await deaf
    emulator.finish(1)
    await notification.rings()
    assert (await other).succeeded
