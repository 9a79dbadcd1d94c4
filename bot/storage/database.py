"""One SQLAlchemy engine for the bot's tables and for DBOS, and how processes share its database.

PostgreSQL may serve several processes, and its transactions exclude each other only where they take a lock. SQLite
serves one process: the first one locks a file beside it, a second one is refused.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import SettingsError, StoreError

BUSY_TIMEOUT_MS = 10_000

CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=10000 -c idle_in_transaction_session_timeout=10000",
}
"""TCP keepalive: each side notices within ten seconds that the other one has vanished (seconds, count, milliseconds).
The server also ends a transaction in which the client has frozen, and with it the rows it locks.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""

FRACTIONS_SINCE = (3, 42)
"""The first SQLite with fractions of a second; Debian 12's is older."""


def open_engine(database_url: str) -> Engine:
    """The engine for a `DATABASE_URL`.

    SQLite gets what DBOS does not set by itself: WAL, synchronous FULL (a command answered with 2xx survives a power
    cut), a busy timeout, transactions that take the write lock at once (a late upgrade to a write lock fails without
    waiting), and a small pool, because SQLite has one writer.

    :raises SettingsError: if the address is invalid, the driver is missing or the file cannot be opened
    """
    url = parse_url(database_url)
    if url.get_backend_name() == "postgresql":
        return _postgresql(url)
    _check_writable(str(url.database))
    engine = sa.create_engine(url, pool_size=2, max_overflow=0, pool_timeout=60, connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _prepare_connection)
    # As part of the engine, so that every writer can check it.
    engine.update_execution_options(**{_OPENED: _file_of(engine)})
    return engine


def parse_url(database_url: str) -> URL:
    """:raises SettingsError: if the address is invalid, or names no file"""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # Their messages quote the address, and with it the password.
        raise SettingsError(
            "DATABASE_URL cannot be read: it is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
        ) from None
    if url.get_backend_name() != "postgresql" and url.database in {None, "", ":memory:"}:
        raise SettingsError(
            "DATABASE_URL names no file; a database in memory would lose commands in progress. Use sqlite:///FILE."
        )
    return url


def database_name(database_url: str) -> str:
    """SQLite's file with its whole path, or PostgreSQL's database and host: without the password.

    :raises SettingsError: as `parse_url` does
    """
    url = parse_url(database_url)
    if url.get_backend_name() == "postgresql":
        return f"{url.database or ''} on {url.host or url.query.get('host', 'this machine')}"
    return str(Path(str(url.database)).absolute())


_OPENED = "codegen_bot_opened_file"


def check_file(engine: Engine) -> None:
    """On SQLite, checks that writes will be found again: a deleted or replaced file keeps accepting writes, but only
    for as long as the process lives.

    :raises StoreError: if the file at the database's path is not the one that was opened
    """
    opened = engine.get_execution_options().get(_OPENED)
    if opened is not None and _file_of(engine) != opened:
        raise StoreError("the database's file was deleted or replaced; restart the bot")


def _file_of(engine: Engine) -> tuple[int, int] | None:
    """Device and inode of the file at the path."""
    try:
        found = Path(str(engine.url.database)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgresql(url: URL) -> Engine:
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=8,
            max_overflow=4,
            pool_pre_ping=True,
            connect_args=CONNECTION,
        )
    except ModuleNotFoundError:
        raise SettingsError(
            "DATABASE_URL names PostgreSQL, but its driver is not installed: pip install 'codegen-bot[postgresql]'."
        ) from None


def without_ping(engine: Engine) -> Engine:
    """The same database for a library that itself retries when a connection turns out to be dead.

    Checking each connection before its use doubles the transactions of an idle process.
    """
    if engine.dialect.name != "postgresql":
        return engine
    return sa.create_engine(engine.url, pool_size=8, max_overflow=5, connect_args=CONNECTION)


def _check_writable(path: str) -> None:
    """Reports a missing or read-only folder in one sentence, before SQLAlchemy does in forty lines."""
    try:
        with open(path, "ab"):  # noqa: PTH123 - SQLite takes the string as is
            pass
    except OSError as error:
        raise SettingsError(f"DATABASE_URL names the file {path}, which cannot be written: {error.strerror}.") from None


def _prepare_connection(connection: Any, _record: Any) -> None:
    # The driver begins a transaction before the first write, with the write lock at once. DBOS relies on the driver
    # doing so, and not on a BEGIN of SQLAlchemy's.
    connection.isolation_level = "IMMEDIATE"
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    if sqlite3.sqlite_version_info < FRACTIONS_SINCE:
        # From Python 3.12 on DBOS (3.4) calls unixepoch('subsec'). Older versions return NULL, and no server starts.
        connection.create_function("unixepoch", 1, lambda _precision: time.time())


def is_shared(engine: Engine) -> bool:
    """Whether several processes may work on the database."""
    return engine.dialect.name == "postgresql"


def exclude_others(connection: Connection, name: str) -> None:
    """Makes this transaction wait for all others that have taken the lock of this name, and those after it for this
    one. On SQLite a transaction that writes waits for all others, from here on and not only from its first write."""
    if connection.dialect.name == "postgresql":
        key = sa.func.hashtextextended(f"codegen-bot {name}", 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    elif not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # SQLite's
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def one_process(engine: Engine) -> Iterator[None]:
    """Reserves the database for this process if it can serve no other.

    :raises SettingsError: if another process uses the same SQLite file
    """
    if is_shared(engine):
        yield
        return
    assert engine.url.database is not None  # noqa: S101 - open_engine() refuses in-memory databases
    file = _lock(Path(f"{engine.url.database}-lock"))
    try:
        yield
    finally:
        if file is not None:
            file.close()


def _lock(path: Path) -> IO[bytes] | None:
    try:
        import fcntl  # noqa: PLC0415 - Windows has none; there nothing prevents a second process
    except ImportError:
        return None
    try:
        file = path.open("ab")
    except OSError as error:
        raise SettingsError(f"The file {path} beside the database cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(
            f"Another codegen-bot works with the database {path.name.removesuffix('-lock')}: one process at a time on "
            "SQLite. Several processes share a PostgreSQL database: DATABASE_URL=postgresql://..."
        ) from None
    return file
