"""The town in which conversations take place: once through the server's door, once through the Action's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations.town import Town, town_at


@pytest.fixture(params=["server", "action"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    marker = request.node.get_closest_marker("server_only")
    if request.param == "action" and marker is not None:
        pytest.skip(marker.kwargs["reason"])
    async with town_at(tmp_path / "bot.sqlite", door=request.param) as town:
        yield town
