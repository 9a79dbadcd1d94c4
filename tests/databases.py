"""Open databases for tests, of both kinds. Named in the `pytest_plugins` of who needs one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from bot.store.database import open_engine

pytest_plugins = ["tests.postgresql"]


@pytest.fixture
def bare_database(bare_database_url: str) -> Iterator[Engine]:
    """Without any table."""
    engine = open_engine(bare_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """With all tables, the bot's and DBOS's."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Engine]:
    """A PostgreSQL with all tables, for what SQLite has not."""
    engine = open_engine(postgresql_url)
    yield engine
    engine.dispose()
