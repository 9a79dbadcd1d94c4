"""The server's door, open on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.web.deliveries import Client, Orders, application


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def client(orders: Orders) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(orders))) as client:
        yield client
