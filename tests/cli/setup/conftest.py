"""Fixtures of the set-up's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.cli.setup.browser import Browser
from tests.cli.setup.installation import Installation


@pytest.fixture
async def github() -> AsyncIterator[GitHubEmulator]:
    async with GitHubEmulator() as github:
        yield github


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as session:
        yield Browser(session)


@pytest.fixture
async def installation(github: GitHubEmulator, tmp_path: Path) -> AsyncIterator[Installation]:
    async with CodegenEmulator(run_seconds=0) as codegen:
        installation = Installation(github, codegen, tmp_path)
        yield installation
        installation.close()
