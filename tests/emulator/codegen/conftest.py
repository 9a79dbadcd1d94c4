"""What the tests of the emulated Codegen share."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.emulator.codegen import CodegenEmulator
from tests.codegen.clock import Clock

TOKEN = "sk-org1-alice"

PACE = 100.0
"""Seconds that a run takes here, by the test's own clock."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def codegen(clock: Clock) -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(run_seconds=PACE, clock=clock) as codegen:
        yield codegen


@pytest.fixture
async def http(codegen: CodegenEmulator) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the emulator with a token of organization 1."""
    # Loading the machine's certificates takes longer than most tests here.
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=codegen.url, headers=headers, verify=no_certificates) as http:
        yield http
