"""A repository whose workflows use the Action."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.workflow import Workflow, workflow_in


@pytest.fixture
async def workflow(tmp_path: Path) -> AsyncIterator[Workflow]:
    """Runs end by themselves."""
    async with workflow_in(tmp_path) as workflow:
        yield workflow


@pytest.fixture
async def slow_workflow(tmp_path: Path) -> AsyncIterator[Workflow]:
    """Runs only change by hand."""
    async with workflow_in(tmp_path, timing=None) as workflow:
        yield workflow


@pytest.fixture
async def quick_workflow(tmp_path: Path) -> AsyncIterator[Workflow]:
    """Its jobs run in this process."""
    async with workflow_in(tmp_path, in_process=True) as workflow:
        yield workflow
