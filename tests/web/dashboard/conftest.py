"""A server, a browser, and somebody who looks at the dashboard.

A browser is started once in a process, and belongs to the loop that started it: all tests here run on one loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.harness.browser import Visit, a_browser, a_visit
from tests.harness.server import ApiServer, api_server_at


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def api_server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with api_server_at(tmp_path, api_organizations="2") as api_server:
        yield api_server


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, api_server: ApiServer) -> AsyncIterator[Visit]:
    """A tab, not signed in yet. At its end the console must be empty, and nothing requested from elsewhere."""
    async with a_visit(browser, api_server.url) as visit:
        yield visit
        assert visit.is_clean()
