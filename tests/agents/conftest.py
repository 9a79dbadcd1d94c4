from __future__ import annotations

from pathlib import Path

import pytest

from bot.agents.workspace.workspaces import Workspaces
from tests.agents.repositories import Developer, LocalGitHub, new_repository, workspaces


@pytest.fixture
def developer(tmp_path: Path) -> Developer:
    return new_repository(tmp_path, {"README.md": "# Shop\n", "src/cart.py": "TOTAL = 0\n", ".gitignore": "*.log\n"})


@pytest.fixture
def github(developer: Developer) -> LocalGitHub:
    return LocalGitHub(developer)


@pytest.fixture
def spaces(tmp_path: Path, github: LocalGitHub) -> Workspaces:
    return workspaces(tmp_path / "agents", github)
