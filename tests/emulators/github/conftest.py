"""Fixtures of the GitHub emulator's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.emulators.github import GitHubEmulator
from tests.emulators.github.people import App, Person
from tests.emulators.github.receiver import Receiver, receiving

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


def _person(token: str) -> Any:
    """A fixture: a client with this token."""

    @pytest.fixture
    def person(emulator: GitHubEmulator, session: aiohttp.ClientSession) -> Person:
        return Person(session, emulator.url, token)

    return person


alice = _person("as-alice")
"""An admin."""

bob = _person("as-bob")
"""Has write access."""

carol = _person("as-carol")
"""Has read access."""

dave = _person("as-dave")
"""Has no role."""

the_bot = _person("bot-token")


@pytest.fixture(scope="session")
def app() -> App:
    return App()
