"""Open databases for tests, of both kinds. Named in the `pytest_plugins` of who needs one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from bot.store.database import open_engine
from bot.store.migrating import migrate

pytest_plugins = ["tests.postgresql"]


@pytest.fixture
def bare_database(database_url: str) -> Iterator[Engine]:
    """Without any table."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(bare_database: Engine) -> Engine:
    """With all the bot's tables."""
    migrate(bare_database)
    return bare_database


@pytest.fixture
def bare_postgresql(postgresql_url: str) -> Iterator[Engine]:
    """A PostgreSQL without any table, for what SQLite has not."""
    engine = open_engine(postgresql_url)
    yield engine
    engine.dispose()
