"""Waiting for runs: what it costs, how often it looks, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.models import AgentRun, State
from bot.codegen.polling import MAX_REQUEST_RATE, PollResult
from bot.codegen.watcher import RunWatcher
from bot.emulators.codegen import CodegenEmulator
from tests.codegen.stepping import Step, begin, requests_of, watching
from tests.harness import TIMEOUT
from tests.harness.clock import Clock

# One request for all


async def test_finished_many_runs_one_request(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 60)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(1, 61)]
    await step.asleep()
    assert requests_of(emulator) == ["from 0"]
    for number in range(1, 60):
        emulator.finish(number, result=f"Done {number}.")
    await step.next()
    results = [run.result for run in await asyncio.gather(*waits[:59])]
    assert results == [f"Done {number}." for number in range(1, 60)]
    assert not waits[59].done()
    emulator.fail(60)
    await step.next()
    assert (await waits[59]).state is State.FAILED
    assert requests_of(emulator) == ["from 0"] * 2


async def test_finished_many_waiters_one_request(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 1)
    waits = [asyncio.create_task(watcher.finished(1)) for _ in range(100)]
    await step.asleep()
    emulator.finish(1)
    await step.next()
    assert {run.succeeded for run in await asyncio.gather(*waits)} == {True}
    assert requests_of(emulator) == ["from 0"] * 2


async def test_finished_ended_run_returns_at_once(watcher: RunWatcher, emulator: CodegenEmulator) -> None:
    begin(emulator, 1)
    emulator.finish(1)
    assert (await watcher.finished(1)).succeeded


async def test_watcher_idle_sends_nothing(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 2)
    wait = asyncio.create_task(watcher.finished(1))
    await step.asleep()
    emulator.finish(1)
    await step.next()
    await wait
    await asyncio.gather(*watching())
    assert len(requests_of(emulator)) == 2
    emulator.finish(2)
    assert (await watcher.finished(2)).succeeded
    assert len(requests_of(emulator)) == 1


# Runs that are not on the first pages


async def test_poll_one_old_run_reads_it_alone(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    begin(emulator, 150)
    old, new = asyncio.create_task(watcher.finished(1)), asyncio.create_task(watcher.finished(150))
    await step.asleep()
    assert requests_of(emulator) == ["from 0", "1"]
    emulator.finish(1)
    emulator.finish(150)
    await step.next()
    assert [(await old).id, (await new).id] == [1, 150]


async def test_poll_several_old_runs_reads_more_pages(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step
) -> None:
    begin(emulator, 150)
    waits = [asyncio.create_task(watcher.finished(number)) for number in (1, 2)]
    await step.asleep()
    assert requests_of(emulator) == ["from 0", "from 100"]
    for wait in waits:
        wait.cancel()


async def test_poll_many_old_runs_reads_deeper_each_time(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step
) -> None:
    """A few pages each time, from where the last look stopped, and those alone that were not seen for longest."""
    begin(emulator, 950)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(1, 8)]
    first = ["from 0", "from 100", "from 200"]

    async def next_look() -> list[str]:
        while not emulator.control.journal:
            await step.next()
            await step.asleep()
        return requests_of(emulator)

    await step.asleep()
    assert await next_look() == [*first, "from 300", "from 400", "from 500", "1", "2", "3", "4", "5"]
    assert await next_look() == [*first, "from 600", "from 700", "from 800", "6", "7", "1", "2", "3"]
    assert await next_look() == [*first, "from 900"]
    assert (await next_look())[:4] == [*first, "from 300"]
    for wait in waits:
        wait.cancel()


async def test_poll_reads_all_pages_with_many_wanted_runs(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step
) -> None:
    begin(emulator, 1200)
    waits = [asyncio.create_task(watcher.finished(number)) for number in range(201, 1201)]
    await step.asleep()
    assert requests_of(emulator) == [f"from {number * 100}" for number in range(10)]
    for wait in waits:
        wait.cancel()


async def test_interval_grows_with_requests(clock: Clock) -> None:
    looked: list[float] = []
    enough = asyncio.Event()

    class Costly:
        async def poll(self, wanted: Sequence[int]) -> PollResult:
            looked.append(clock.now)
            if len(looked) == 3:
                enough.set()
            return PollResult(requests=15)

    watcher = RunWatcher(Costly(), clock=clock, sleep=clock.sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    await enough.wait()
    waiting.cancel()
    await watcher.aclose()
    assert [later - sooner for sooner, later in pairwise(looked[:3])] == [pytest.approx(15 / MAX_REQUEST_RATE)] * 2


async def test_poll_unreadable_run_does_not_block_others(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step
) -> None:
    begin(emulator, 310)
    emulator.control.fault(path="/run/1$", times=None)
    waits = [asyncio.create_task(watcher.finished(number)) for number in (1, 2)]
    emulator.finish(2)
    await step.next()
    assert (await waits[1]).succeeded
    waits[0].cancel()


# How often


async def test_interval_grows_with_age(
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


async def test_rest_ends_although_interval_grows(clock: Clock) -> None:
    """Each sleep takes a little longer than was asked for, as real ones do."""
    looks = asyncio.Event()

    class Nothing:
        async def poll(self, wanted: Sequence[int]) -> PollResult:
            if clock.now > 1100:
                looks.set()
            return PollResult()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds + 0.001)

    watcher = RunWatcher(Nothing(), clock=clock, sleep=sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    async with asyncio.timeout(TIMEOUT):
        await looks.wait()
    waiting.cancel()
    await watcher.aclose()
    assert len(clock.slept) < 200


async def test_rest_ends_early_for_new_waiter(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step, clock: Clock
) -> None:
    begin(emulator, 2)
    old = asyncio.create_task(watcher.finished(1))
    await step.asleep()
    clock.advance(1000)
    await step.next()
    await step.asleep()
    requests_of(emulator)
    await step.next()
    await step.asleep()
    assert requests_of(emulator) == []
    emulator.finish(2)
    new = asyncio.create_task(watcher.finished(2))
    await asyncio.sleep(0)
    await step.next()
    assert (await new).succeeded
    assert requests_of(emulator) == ["from 0"]
    old.cancel()


# Changes


async def test_on_change_once_per_state(watcher: RunWatcher, emulator: CodegenEmulator, step: Step) -> None:
    told: list[tuple[str | None, int]] = []

    async def hear(run: AgentRun) -> None:
        told.append((run.status, len(run.github_pull_requests)))

    begin(emulator, 1)
    wait = asyncio.create_task(watcher.finished(1, on_change=hear))
    await step.next()
    await step.asleep()
    emulator.move(1, "RUNNING")
    await step.next()
    await step.asleep()
    emulator.open_pull_request(1, "octo/shop#12")
    await step.next()
    await step.next()
    await step.asleep()
    emulator.finish(1)
    await step.next()
    assert (await wait).succeeded
    assert told == [("PENDING", 0), ("RUNNING", 0), ("RUNNING", 1)]


async def test_on_change_not_for_known_state(
    watcher: RunWatcher, codegen: Codegen, emulator: CodegenEmulator, step: Step
) -> None:
    told: list[str | None] = []

    async def hear(run: AgentRun) -> None:
        told.append(run.status)

    begin(emulator, 1)
    wait = asyncio.create_task(watcher.finished(1, known=await codegen.run(1), on_change=hear))
    await step.asleep()
    assert told == []
    wait.cancel()


async def test_on_change_error_fails_its_waiter_only(
    watcher: RunWatcher, emulator: CodegenEmulator, step: Step
) -> None:
    async def hear(run: AgentRun) -> None:
        raise LookupError("no such comment")

    begin(emulator, 1)
    deaf = asyncio.create_task(watcher.finished(1, on_change=hear))
    other = asyncio.create_task(watcher.finished(1))
    with pytest.raises(LookupError, match="no such comment"):
        await deaf
    emulator.finish(1)
    await step.next()
    assert (await other).succeeded
