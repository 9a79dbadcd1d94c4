"""The world of the conversations: once with the server as entry point, once with the Action."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.world import World, world_at


@pytest.fixture(params=["server", "action"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    marker = request.node.get_closest_marker("server_only")
    if request.param == "action" and marker is not None:
        pytest.skip(marker.kwargs["reason"])
    async with world_at(tmp_path / "bot.sqlite", entry_point=request.param) as world:
        yield world
