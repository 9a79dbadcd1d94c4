from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from bot.agents.workspace.workspaces import Workspaces
from bot.storage.database import open_engine
from tests.agents.repositories import Developer, LocalGitHub, new_repository, workspaces
from tests.harness.databases import migrated_sqlite


@pytest.fixture
def developer(tmp_path: Path) -> Developer:
    return new_repository(tmp_path, {"README.md": "# Shop\n", "src/cart.py": "TOTAL = 0\n", ".gitignore": "*.log\n"})


@pytest.fixture
def github(developer: Developer) -> LocalGitHub:
    return LocalGitHub(developer)


@pytest.fixture
def spaces(tmp_path: Path, github: LocalGitHub) -> Workspaces:
    return workspaces(tmp_path / "agents", github)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(migrated_sqlite(tmp_path / "bot.sqlite"))
    yield engine
    engine.dispose()
