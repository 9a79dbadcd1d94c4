"""A copy of the repository and a runner's tool cache, both for the whole session: the packages are installed once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

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
