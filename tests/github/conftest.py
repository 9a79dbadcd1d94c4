"""What the tests of the GitHub client share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.github.auth import TokenAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.transport import new_session
from tests.github.answering import Clock, Script, serve


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    server = await serve(script)
    yield script
    await server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as session:
        yield session


@pytest.fixture
def github(session: aiohttp.ClientSession, script: Script, clock: Clock) -> GitHub:
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
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
