"""What the tests of the GitHub client share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.session import HttpxSession, NetworkSession, OpenSession
from tests.emulators.github.people import App
from tests.github.scripted_server import NOW, Script, serve
from tests.harness.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    server = await serve(script)
    yield script
    await server.close()


@pytest.fixture(params=[NetworkSession, HttpxSession], ids=["aiohttp", "httpx"])
async def session(request: pytest.FixtureRequest) -> AsyncIterator[OpenSession]:
    """The server's and the Action's."""
    async with request.param() as session:
        yield session


@pytest.fixture
def github(session: OpenSession, script: Script, clock: Clock) -> GitHub:
    """The client with a plain token, on the scripted server."""
    return GitHub(
        session,
        TokenAuth("ghp_secret"),
        base_url=script.url,
        clock=clock,
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
    )


@pytest.fixture(scope="session")
def private_key() -> str:
    return App().private_pem
