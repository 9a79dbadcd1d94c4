from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.harness.clock import Clock
from tests.harness.server import ApiServer, api_server_at, quick_timing
from tests.web.deliveries import Client, FakeEngine, application


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(engine))) as client:
        yield client


@pytest.fixture
async def api_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with api_server_at(tmp_path) as api_server:
        yield api_server


@pytest.fixture
async def caching_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """A server whose API caches what it has read for the whole test, however long that takes."""
    async with api_server_at(tmp_path, timing=quick_timing(cache_clock=Clock(), follow_interval=3_600.0)) as api_server:
        yield api_server


@pytest.fixture
async def shared_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """A server whose API serves a second organization."""
    async with api_server_at(tmp_path, api_organizations="2") as api_server:
        yield api_server
