"""Read-only database inspection; never creates the file. Blocking."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot.errors import SettingsError
from bot.storage.database import database_name, open_engine, parse_url
from bot.storage.migrating import CURRENT, version
from bot.storage.queries import reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """The state of a database.

    :param name: SQLite's file, or PostgreSQL's database and host
    :param version: its migration; None if it is new
    :param unwritable: why it is not writable; None if it is
    :param free: bytes on the disk of an SQLite file
    """

    is_postgresql: bool
    name: str
    version: str | None = None
    unwritable: str | None = None
    free: int | None = None

    @property
    def is_newer(self) -> bool:
        """Whether a newer version of the bot has migrated it."""
        return self.version is not None and self.version > CURRENT.version

    @property
    def is_older(self) -> bool:
        return self.version is not None and self.version < CURRENT.version


def inspect(database_url: str) -> DatabaseState:
    """:raises SettingsError: if it cannot be opened"""
    url = parse_url(database_url)
    return _postgresql(database_url) if url.get_backend_name() == "postgresql" else _sqlite(Path(str(url.database)))


def _sqlite(path: Path) -> DatabaseState:
    folder, name = path.absolute().parent, str(path)
    if not folder.is_dir():
        raise SettingsError(f"DATABASE_URL names the file {path}, whose folder does not exist.")
    free = shutil.disk_usage(folder).free
    # SQLite creates files beside the database.
    unwritable = None if os.access(folder, os.W_OK) else f"the folder {folder} is not writable"
    if unwritable or not path.exists():
        return DatabaseState(is_postgresql=False, name=name, unwritable=unwritable, free=free)
    engine = sa.create_engine(f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true")
    found, _ = _read(engine)
    unwritable = None if os.access(path, os.W_OK) else f"the file {path} is not writable"
    return DatabaseState(is_postgresql=False, name=name, version=found, unwritable=unwritable, free=free)


def _postgresql(database_url: str) -> DatabaseState:
    engine = open_engine(database_url)
    found, unwritable = _read(engine)
    return DatabaseState(is_postgresql=True, name=database_name(database_url), version=found, unwritable=unwritable)


def _read(engine: Engine) -> tuple[str | None, str | None]:
    """Its migration, and why PostgreSQL is not writable."""
    try:
        with engine.connect() as connection:
            return version(connection), _unwritable(connection)
    except DBAPIError as error:
        raise SettingsError(f"DATABASE_URL names a database that cannot be used: {reason(error)}.") from None
    finally:
        engine.dispose()


def _unwritable(connection: Connection) -> str | None:
    if connection.dialect.name != "postgresql":
        return None
    if connection.execute(sa.text("SHOW transaction_read_only")).scalar() == "on":
        return "it is read-only"
    if not connection.execute(sa.text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar():
        return "this user may not create tables in it"
    return None
