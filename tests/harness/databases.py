"""Databases that cost a test little: all tables made beforehand, and no waiting for the disk.

A process makes the bot's tables and DBOS's once; each test gets a copy. That they are made as they should be is shown
by `tests/store/test_migrating.py`, by the tests of the command line and by those that kill a server.
"""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.engine import Connection

from bot.store.database import open_engine
from bot.store.migrating import migrate

_MARK = "tests.without-syncs"


def migrated_sqlite(path: Path) -> str:
    """A SQLite file with all tables, as `DATABASE_URL` takes it. One that is there already stays as it is."""
    if not path.exists():
        shutil.copyfile(_template(), path)
    return f"sqlite:///{path}"


def make_tables(database_url: str) -> None:
    """As a server's first start makes them."""
    engine = open_engine(database_url)
    migrate(engine)
    engine.dispose()
    DBOS.migrate(database_url)


def write_without_syncs() -> None:
    """From now on SQLite waits for no disk: a test survives no power cut, but the end of any process.

    Holds for connections that SQLAlchemy hands out, not for raw ones.
    """
    sa.event.listen(sa.Engine, "engine_connect", _without_syncs)


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
