"""Fixtures of the Codegen emulator's tests."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.emulators.codegen import CodegenEmulator
from tests.harness.clock import Clock

TOKEN = "sk-org1-alice"

PACE = 100.0
"""Seconds that a run takes here, by the test's own clock."""


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
async def emulator(clock: Clock) -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(run_seconds=PACE, clock=clock) as emulator:
        yield emulator


@pytest.fixture
async def http(emulator: CodegenEmulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token of organization 1."""
    # Loading the certificates takes longer than most tests here.
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=emulator.url, headers=headers, verify=no_certificates) as http:
        yield http
