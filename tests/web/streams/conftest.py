"""A server of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.streams.stream_server import StreamServer, stream_server_at


@pytest.fixture
async def stream_server(tmp_path: Path) -> AsyncIterator[StreamServer]:
    async with stream_server_at(tmp_path) as stream_server:
        yield stream_server


@pytest.fixture
async def shared_house(tmp_path: Path) -> AsyncIterator[StreamServer]:
    """One whose API serves a second organization."""
    async with stream_server_at(tmp_path, organizations="2") as stream_server:
        yield stream_server
