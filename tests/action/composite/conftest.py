"""A copy of the repository and a runner's tool cache, both for the whole session: the packages are installed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from tests.action.composite.runner import Job, copy_repository


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the runner would have unpacked the Action."""
    return copy_repository(tmp_path_factory.mktemp("action"))


@pytest.fixture(scope="session")
def tool_cache(tmp_path_factory: pytest.TempPathFactory, action: Path) -> Path:
    """A runner on which one job has been before: that one took seconds for the packages, and found nothing to do."""
    first = Job(tmp_path_factory.mktemp("first-job"), action, tmp_path_factory.mktemp("tool-cache"))
    asyncio.run(first.use())
    assert "packages ready" in first.log, first.log
    return first.tool_cache


@pytest.fixture
def plain_job(tmp_path: Path, action: Path, tool_cache: Path) -> Job:
    return Job(tmp_path, action, tool_cache)


@pytest.fixture
async def codegen() -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(pace=None, limits=False) as codegen:
        yield codegen


@pytest.fixture
async def github() -> AsyncIterator[GitHubEmulator]:
    # Nobody is at that address: the deliveries are wanted for what they hold.
    async with GitHubEmulator(webhook_url="http://127.0.0.1:9/", limits=False) as github:
        yield github


@pytest.fixture
def job(plain_job: Job, codegen: CodegenEmulator, github: GitHubEmulator) -> Job:
    plain_job.environ = {"CODEGEN_API_BASE_URL": codegen.url, "GITHUB_API_URL": github.url}
    return plain_job
