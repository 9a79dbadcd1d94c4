"""The API. Its store is tried on both kinds of database by `tests/storage/test_agents.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.database import open_engine
from tests.agents.api.served import Served, served
from tests.harness.databases import migrated_sqlite


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    database = open_engine(migrated_sqlite(tmp_path / "bot.sqlite"))
    async with served(database) as found:
        yield found
    database.dispose()
