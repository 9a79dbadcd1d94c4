"""A server whose HTTP API is called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.api.api_server import ApiServer, running_api_server


@pytest.fixture
async def api_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with running_api_server(tmp_path) as api_server:
        yield api_server


@pytest.fixture
async def shared_house(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """One whose API serves a second organization."""
    async with running_api_server(tmp_path, api_organizations="2") as api_server:
        yield api_server
