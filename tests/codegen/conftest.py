"""Fixtures of the Codegen client's tests; the emulator and its clock are those of the emulator's own tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.codegen.client import Codegen
from bot.codegen.limits import RateLimits
from bot.codegen.polling import UpstreamRuns
from bot.codegen.transport import new_http
from bot.codegen.watcher import RunWatcher
from bot.emulators.codegen import CodegenEmulator
from tests.codegen.stepping import Step
from tests.emulators.codegen.conftest import PACE, clock, emulator
from tests.harness.clock import Clock

TOKEN = "sk-org1-secret"

__all__ = ["PACE", "clock", "emulator"]


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
def step(clock: Clock) -> Step:
    return Step(clock)


@pytest.fixture
async def watcher(codegen: Codegen, clock: Clock, step: Step) -> AsyncIterator[RunWatcher]:
    """It takes one step at a time."""
    watcher = RunWatcher(UpstreamRuns(codegen), clock=clock, sleep=step.sleep)
    yield watcher
    await watcher.aclose()


@pytest.fixture
async def quick(codegen: Codegen, clock: Clock) -> AsyncIterator[RunWatcher]:
    """Its sleeps take no time."""
    watcher = RunWatcher(UpstreamRuns(codegen), clock=clock, sleep=clock.sleep)
    yield watcher
    await watcher.aclose()
