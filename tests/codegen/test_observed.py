"""What an observer hears of Codegen, and what the watcher tells of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.polling import PollResult
from bot.codegen.watcher import RunWatcher
from bot.emulator.codegen import CodegenEmulator
from bot.errors import Service, UpstreamError
from tests.codegen.bell import Notification, begin
from tests.codegen.clock import Clock
from tests.codegen.conftest import TOKEN
from tests.codegen.wire import Wire, no, ok


class Heard:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.waits: list[tuple[str, float]] = []

    def called(self, service: Service, operation: str, status: str, seconds: float) -> None:
        assert service is Service.CODEGEN
        assert seconds >= 0
        self.calls.append((operation, status))

    def waited(self, service: Service, limit: str, seconds: float) -> None:
        assert service is Service.CODEGEN
        self.waits.append((limit, seconds))

    def left_out(self) -> None:
        raise AssertionError("Codegen has no comments")


async def test_every_try_and_every_wait_is_heard_of(clock: Clock) -> None:
    wire, heard = Wire(clock), Heard()
    wire.says(no(503), no(429, retry_after="7"), httpx.ReadTimeout("slow"), httpx.Response(200, text="<html>"), ok())
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        limits = RateLimits(clock=clock, sleep=clock.sleep, observer=heard)
        codegen = Codegen(TOKEN, org_id=1, http=http, limits=limits, sleep=clock.sleep, observer=heard)
        await codegen.run(1)
    assert heard.calls == [("run", status) for status in ("503", "429", "network", "200", "200")]
    assert heard.waits == [("read", 7.0)]


async def test_what_is_never_sent_is_no_call_that_was_answered(clock: Clock) -> None:
    wire, heard = Wire(clock), Heard()
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        codegen = Codegen("not a token", org_id=1, http=http, sleep=clock.sleep, observer=heard)
        with pytest.raises(UpstreamError):
            await codegen.run(1)
    assert heard.calls == [("run", "unauthorized")]


async def test_a_wait_for_a_slot_is_heard_of_with_its_length(clock: Clock) -> None:
    heard = Heard()
    limits = RateLimits({"few": (2, 10.0)}, clock=clock, sleep=clock.sleep, observer=heard)
    for _ in range(3):
        await limits.slot("few")
    assert heard.waits == [("few", 10.0)]


class Blindfolded:
    """A source that has stopped seeing anything, and says so."""

    def __init__(self) -> None:
        self.is_blind = False

    async def look(self, wanted: Sequence[int]) -> PollResult:
        return PollResult(is_blind=self.is_blind)


async def test_a_look_that_sees_nothing_does_not_pass_for_one(notification: Notification, clock: Clock) -> None:
    source = Blindfolded()
    watcher = RunWatcher(source, shortest=2.0, longest=2.0, clock=clock, sleep=notification.sleep)
    waiting = asyncio.create_task(watcher.finished(1))
    await notification.asleep()
    lags = []
    for is_blind in (True, True, False):
        source.is_blind = is_blind
        await notification.rings()
        await notification.asleep()
        lags.append(watcher.lag)
    assert lags == [2.0, 4.0, 0.0]
    waiting.cancel()
    await watcher.aclose()


async def test_the_watcher_tells_how_many_runs_it_watches_and_when_it_saw_them(
    watcher: RunWatcher, emulator: CodegenEmulator, notification: Notification, clock: Clock
) -> None:
    assert (watcher.watched, watcher.lag) == (0, 0.0)
    begin(emulator, 2)
    waits = [asyncio.create_task(watcher.finished(run)) for run in (1, 2, 2)]
    await notification.asleep()
    assert (watcher.watched, watcher.lag) == (2, 0.0)
    clock.passes(3)
    assert watcher.lag == 3.0
    for run in (1, 2):
        emulator.finish(run)
    await notification.rings()
    await asyncio.gather(*waits)
    assert (watcher.watched, watcher.lag) == (0, 0.0)
