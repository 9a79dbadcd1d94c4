"""Read-only database inspection; never creates the file. Blocking."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from bot.errors import SettingsError
from bot.store.database import open_engine
from bot.store.migrating import NEWEST, reason, version

THREADS_TABLE = "codegen_bot_thread_runs"
"""The oldest table: a database without it was never used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The state of a database.

    :param name: SQLite's file, or PostgreSQL's database and host
    :param is_used: whether it has the bot's tables
    :param step: its migration; None if it was never migrated, or before migrations were recorded
    :param closed: why it is not writable; None if it is
    :param free: bytes on the disk of an SQLite file
    """

    is_postgresql: bool
    name: str
    is_used: bool = False
    step: str | None = None
    closed: str | None = None
    free: int | None = None

    @property
    def is_newer(self) -> bool:
        """Whether a newer version of the bot has migrated it."""
        return self.step is not None and self.step > NEWEST

    @property
    def is_older(self) -> bool:
        return self.is_used and (self.step or "") < NEWEST


def look(database_url: str) -> Looked:
    """:raises SettingsError: if it cannot be opened"""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # Their messages quote the address, and with it the password.
        raise SettingsError("DATABASE_URL cannot be read.") from None
    if url.get_backend_name() == "postgresql":
        return _postgresql(database_url)
    if url.database in {None, "", ":memory:"}:
        raise SettingsError("DATABASE_URL names no file, and memory forgets work in flight: sqlite:///FILE.")
    return _sqlite(Path(str(url.database)))


def _sqlite(path: Path) -> Looked:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise SettingsError(f"DATABASE_URL names the file {path}, and its folder is not there.")
    free = shutil.disk_usage(folder).free
    name = str(path)
    if not os.access(folder, os.W_OK):
        # SQLite creates files beside the database.
        return Looked(is_postgresql=False, name=name, closed=f"the folder {folder} is closed to writing", free=free)
    if not path.exists():
        return Looked(is_postgresql=False, name=name, free=free)
    closed = None if os.access(path, os.W_OK) else f"the file {path} is closed to writing"
    engine = sa.create_engine(f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true")
    is_used, step, _ = _read(engine)
    return Looked(is_postgresql=False, name=name, is_used=is_used, step=step, closed=closed, free=free)


def _postgresql(database_url: str) -> Looked:
    engine = open_engine(database_url)
    is_used, step, closed = _read(engine)
    name = f"{engine.url.database or ''} on {engine.url.host or engine.url.query.get('host', 'this machine')}"
    return Looked(is_postgresql=True, name=name, is_used=is_used, step=step, closed=closed)


def _read(engine: Engine) -> tuple[bool, str | None, str | None]:
    """Whether it is used, its migration, and why PostgreSQL is not writable."""
    try:
        with engine.connect() as connection:
            is_used = sa.inspect(connection).has_table(THREADS_TABLE)
            return is_used, version(connection), _closed(connection)
    except DBAPIError as error:
        raise SettingsError(f"DATABASE_URL names a database that cannot be used: {reason(error)}.") from None
    finally:
        engine.dispose()


def _closed(connection: Connection) -> str | None:
    if connection.dialect.name != "postgresql":
        return None
    if connection.execute(sa.text("SHOW transaction_read_only")).scalar() == "on":
        return "it takes nothing but reads"
    if not connection.execute(sa.text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar():
        return "this user may make no tables in it"
    return None
