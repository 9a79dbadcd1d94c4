"""Locks on a database.

PostgreSQL may serve several processes, and its transactions exclude each other only where they take a lock. SQLite
serves one process: the first one locks a file beside it, a second one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.errors import SettingsError


def is_shared(engine: Engine) -> bool:
    """Whether several processes may work on the database."""
    return engine.dialect.name == "postgresql"


def exclude_others(connection: Connection, name: str) -> None:
    """Makes this transaction wait for all others that have taken the lock of this name, and those after it for this
    one. On SQLite the first write of a transaction does that already."""
    if connection.dialect.name == "postgresql":
        key = sa.func.hashtextextended(f"codegen-bot {name}", 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


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
