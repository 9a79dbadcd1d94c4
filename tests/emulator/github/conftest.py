"""What the tests of the GitHub emulator share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.emulator.github import GitHubEmulator
from tests.emulator.github.people import App, Person
from tests.emulator.github.receiver import Receiver, receiving

SECRET = "the webhook's secret"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def emulator(receiver: Receiver) -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator(webhook_url=receiver.url, webhook_secret=SECRET) as emulator:
        yield emulator


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def alice(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
    """May administer the repository."""
    return Person(session, emulator.url, "as-alice")


@pytest.fixture
def bob(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
    """May write."""
    return Person(session, emulator.url, "as-bob")


@pytest.fixture
def carol(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
    """May read."""
    return Person(session, emulator.url, "as-carol")


@pytest.fixture
def dave(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
    """Has no role."""
    return Person(session, emulator.url, "as-dave")


@pytest.fixture
def the_bot(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
    return Person(session, emulator.url, "bot-token")


@pytest.fixture(scope="session")
def app() -> App:
    return App()
