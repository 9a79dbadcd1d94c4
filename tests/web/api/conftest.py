"""A server whose HTTP API is called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.api.house import House, house_in


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path) as house:
        yield house


@pytest.fixture
async def shared_house(tmp_path: Path) -> AsyncIterator[House]:
    """One whose API serves a second organization."""
    async with house_in(tmp_path, api_organizations="2") as house:
        yield house
