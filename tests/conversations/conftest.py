"""The world of the conversations: once with the server as entry point, once with the Action.

Where a test shows what is the same code behind both, a text or a refusal, the Action is enough: it costs a third.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.world import World, world_at


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry_point" in metafunc.fixturenames:
        markers = {marker.name for marker in metafunc.definition.iter_markers()}
        if "server_only" in markers:
            chosen = ["server"]
        elif "either_entry_point" in markers:
            chosen = ["action"]
        else:
            chosen = ["server", "action"]
        metafunc.parametrize("entry_point", chosen)


@pytest.fixture
async def world(entry_point: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(tmp_path / "bot.sqlite", entry_point=entry_point) as world:
        yield world
