"""A server, a browser, and somebody who looks at the dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.api.house import House, house_in
from tests.web.dashboard.browser import Visit, a_browser, a_visit


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path, api_organizations="2") as house:
        yield house


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    """Not signed in yet. At its end nothing may have been complained of, or asked for elsewhere."""
    async with a_browser() as browser, a_visit(browser, house.url) as visit:
        yield visit
        assert visit.is_clean()
