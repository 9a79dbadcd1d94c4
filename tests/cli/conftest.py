"""Terminals for the tests of the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.terminal import Terminal, terminal_at


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    """Runs end as soon as they are read."""
    async with terminal_at(tmp_path) as terminal:
        yield terminal


@pytest.fixture
async def slow_terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    """Runs only change by hand."""
    async with terminal_at(tmp_path, timing=None) as terminal:
        yield terminal
