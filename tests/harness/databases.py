"""Databases that cost a test little: all tables made beforehand, and no waiting for the disk.

A process makes the bot's tables and DBOS's once; each test gets a copy. That they are made as they should be is shown
by `tests/storage/test_migrating.py`, by the tests of the command line and by those that kill a server.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.engine import Connection, Engine

from bot.storage.database import open_engine
from bot.storage.migrating import migrate
from tests.harness.postgresql import NOT_INSTALLED, Server, fresh_database, package, running_server

_MARK = "tests.without-syncs"


def migrated_sqlite(path: Path) -> str:
    """The `DATABASE_URL` of a SQLite file with all tables; an existing file is left as it is."""
    if not path.exists():
        shutil.copyfile(_template(), path)
    return f"sqlite:///{path}"


def make_tables(database_url: str) -> None:
    """Creates all tables, as a server's first start does."""
    engine = open_engine(database_url)
    migrate(engine)
    engine.dispose()
    DBOS.migrate(database_url)


def pytest_configure() -> None:
    """From now on SQLite waits for no disk: a test survives no power cut, but the end of any process.

    Holds for connections that SQLAlchemy hands out, not for raw ones.
    """
    sa.event.listen(sa.Engine, "engine_connect", _without_syncs)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """One server for the whole session."""
    if package() is None:
        pytest.skip(NOT_INSTALLED)
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: Server) -> str:
    """A database with all tables, to be copied."""
    with psycopg.connect(postgresql_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    make_tables(postgresql_server.url("migrated"))
    return "migrated"


@pytest.fixture
def bare_postgresql_url(postgresql_server: Server) -> Iterator[str]:
    """A fresh database without any table."""
    with fresh_database(postgresql_server) as name:
        yield postgresql_server.url(name)


@pytest.fixture
def postgresql_url(postgresql_server: Server, postgresql_template: str) -> Iterator[str]:
    """A fresh database with all tables."""
    with fresh_database(postgresql_server, template=postgresql_template) as name:
        yield postgresql_server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database without tables, once of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.sqlite'}"
    url: str = request.getfixturevalue("bare_postgresql_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database with all tables, once of either kind."""
    if request.param == "sqlite":
        return migrated_sqlite(tmp_path / "bot.sqlite")
    url: str = request.getfixturevalue("postgresql_url")
    return url


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
    """A PostgreSQL database with all tables, for features that SQLite lacks."""
    engine = open_engine(postgresql_url)
    yield engine
    engine.dispose()


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="codegen-bot-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "migrated.sqlite"
    make_tables(f"sqlite:///{path}")
    assert [each.name for each in folder.iterdir()] == [path.name], "something is not in the file yet"
    return path


def _without_syncs(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection) and _MARK not in connection.info:
        # A file that is no database is the bot's to find.
        with suppress(sqlite3.DatabaseError):
            driver.execute("PRAGMA synchronous=OFF")
        connection.info[_MARK] = True
