"""A house of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.streams.house import House, house_at


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(tmp_path) as house:
        yield house


@pytest.fixture
async def shared_house(tmp_path: Path) -> AsyncIterator[House]:
    """One whose API serves a second organization."""
    async with house_at(tmp_path, organizations="2") as house:
        yield house
