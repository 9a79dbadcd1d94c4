"""What the tests of the Codegen client share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.polling import UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.emulator.codegen import CodegenEmulator
from tests.codegen.bell import Notification
from tests.codegen.clock import Clock

TOKEN = "sk-org1-secret"

PACE = 100.0
"""Seconds that a run takes here, by the test's own clock."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def emulator(clock: Clock) -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(run_seconds=PACE, clock=clock) as emulator:
        yield emulator


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with new_http() as http:
        yield http


@pytest.fixture
def codegen(emulator: CodegenEmulator, http: httpx.AsyncClient, clock: Clock) -> Codegen:
    """The client, on the emulator, with a clock that passes as it sleeps."""
    limits = RateLimits(clock=clock, sleep=clock.sleep)
    return Codegen(TOKEN, org_id=1, base_url=emulator.url, http=http, limits=limits, sleep=clock.sleep)


@pytest.fixture
def notification(clock: Clock) -> Notification:
    return Notification(clock)


@pytest.fixture
async def watcher(codegen: Codegen, clock: Clock, notification: Notification) -> AsyncIterator[RunWatcher]:
    """It steps as the bell rings."""
    watcher = RunWatcher(UpstreamRuns(codegen), clock=clock, sleep=notification.sleep)
    yield watcher
    await watcher.aclose()


@pytest.fixture
async def quick(codegen: Codegen, clock: Clock) -> AsyncIterator[RunWatcher]:
    """Its sleeps take no time."""
    watcher = RunWatcher(UpstreamRuns(codegen), clock=clock, sleep=clock.sleep)
    yield watcher
    await watcher.aclose()
