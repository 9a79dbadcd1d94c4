"""A copy of the repository and a runner's tool cache, for all workers together: the packages are installed once."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.emulators.codegen import CodegenEmulator
from bot.emulators.github import GitHubEmulator
from tests.action.composite.runner import Job, copy_repository


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder on which one job has been before: that one took seconds for the packages, and found nothing to
    do. Whoever of the workers comes first makes it, the others wait.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "runner"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "is-ready").exists():
            _first_job(folder)
            (folder / "is-ready").touch()
    return folder


def _first_job(folder: Path) -> None:
    for name in ("first-job", "tool-cache", "copy"):
        (folder / name).mkdir()
    copy = copy_repository(folder / "copy")
    first = Job(folder / "first-job", copy, folder / "tool-cache")
    asyncio.run(first.use())
    assert "packages ready" in first.log, first.log


@pytest.fixture(scope="session")
def action(runner: Path) -> Path:
    """The folder into which the runner would have unpacked the Action."""
    return runner / "copy"


@pytest.fixture(scope="session")
def tool_cache(runner: Path) -> Path:
    return runner / "tool-cache"


@pytest.fixture
def plain_job(tmp_path: Path, action: Path, tool_cache: Path) -> Job:
    return Job(tmp_path, action, tool_cache)


@pytest.fixture
async def codegen() -> AsyncIterator[CodegenEmulator]:
    async with CodegenEmulator(run_seconds=None, limits=False) as codegen:
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
