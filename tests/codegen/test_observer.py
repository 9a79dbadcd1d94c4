"""The calls that an observer gets about Codegen, and what the watcher reports of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.polling import PollInterval, PollResult
from bot.codegen.watcher import RunWatcher
from bot.emulators.codegen import CodegenEmulator
from bot.errors import Service, UpstreamError
from tests.codegen.conftest import TOKEN
from tests.codegen.stepping import Step, begin
from tests.codegen.wire import Wire, no, ok
from tests.harness.clock import Clock
from tests.harness.observer import RecordingObserver


async def test_observer_gets_every_attempt_and_wait(clock: Clock) -> None:
    wire, observer = Wire(clock), RecordingObserver(Service.CODEGEN)
    wire.respond(no(503), no(429, retry_after="7"), httpx.ReadTimeout("slow"), httpx.Response(200, text="<html>"), ok())
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        limits = RateLimits(clock=clock, sleep=clock.sleep, observer=observer)
        codegen = Codegen(TOKEN, org_id=1, http=http, limits=limits, sleep=clock.sleep, observer=observer)
        await codegen.run(1)
    assert observer.calls == [("run", status) for status in ("503", "429", "network", "200", "200")]
    assert observer.waits == [("read", 7.0)]


async def test_observer_gets_unsent_call_as_unauthorized(clock: Clock) -> None:
    wire, observer = Wire(clock), RecordingObserver(Service.CODEGEN)
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        codegen = Codegen("not a token", org_id=1, http=http, sleep=clock.sleep, observer=observer)
        with pytest.raises(UpstreamError):
            await codegen.run(1)
    assert observer.calls == [("run", "unauthorized")]


async def test_observer_gets_wait_for_slot(clock: Clock) -> None:
    observer = RecordingObserver(Service.CODEGEN)
    limits = RateLimits({"few": (2, 10.0)}, clock=clock, sleep=clock.sleep, observer=observer)
    for _ in range(3):
        async with limits.slot("few"):
            pass
    assert observer.waits == [("few", 10.0)]


class Blindfolded:
    """A source that has stopped seeing anything, and says so."""

    def __init__(self) -> None:
        self.is_skipped = False

    async def poll(self, wanted: Sequence[int]) -> PollResult:
        return PollResult(is_skipped=self.is_skipped)


async def test_lag_grows_during_skipped_polls(step: Step, clock: Clock) -> None:
    source = Blindfolded()
    watcher = RunWatcher(source, interval=PollInterval(2.0, 2.0), clock=clock, sleep=step.sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    await step.asleep()
    lags = []
    for is_skipped in (True, True, False):
        source.is_skipped = is_skipped
        await step.next()
        await step.asleep()
        lags.append(watcher.lag)
    assert lags == [2.0, 4.0, 0.0]
    waiting.cancel()
    await watcher.aclose()


async def test_watched_and_lag(watcher: RunWatcher, emulator: CodegenEmulator, step: Step, clock: Clock) -> None:
    assert (watcher.watched, watcher.lag) == (0, 0.0)
    begin(emulator, 2)
    waits = [asyncio.create_task(watcher.finished(run)) for run in (1, 2, 2)]
    await step.asleep()
    assert (watcher.watched, watcher.lag) == (2, 0.0)
    clock.advance(3)
    assert watcher.lag == 3.0
    for run in (1, 2):
        emulator.finish(run)
    await step.next()
    await asyncio.gather(*waits)
    assert (watcher.watched, watcher.lag) == (0, 0.0)
