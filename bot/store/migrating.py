"""Migrates a database to what this version of the bot needs, or says in one sentence why it cannot.

A new database is created in its final form. Alembic, which migrates older ones, is imported only then: it costs 8 MB
for as long as the process lives.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot import log
from bot.errors import SettingsError
from bot.store.tables import METADATA

_log = log.get(__name__)

NEWEST = "0010"
"""The last migration in `bot.store.migrations.versions`."""

VERSION_TABLE = "codegen_bot_schema"

_LOCK = 0x636F646567656E
"""The number of PostgreSQL's advisory lock for migrating; arbitrary, but used by nothing else."""


def migrate(engine: Engine) -> None:
    """Creates the tables as defined in `bot.store.tables`. Blocking; called once, at start.

    :raises SettingsError: if the database cannot be used, or belongs to a newer version of the bot
    """
    try:
        with engine.begin() as connection:
            _take_turn(connection)
            found = version(connection)
            if found is not None and found > NEWEST:
                raise SettingsError(
                    f"DATABASE_URL names a database that a newer codegen-bot has brought up (to {found}; this one "
                    f"knows {NEWEST}): start that version again, or go back to a backup from before."
                )
            if found is None and not _has_tables(connection):
                _make(connection)
            elif found != NEWEST:
                _upgrade(connection)
                _log.info("database.migrated", was=found, now=NEWEST)
    except DBAPIError as error:
        raise SettingsError(f"DATABASE_URL names a database that cannot be used: {reason(error)}.") from None


def version(connection: Connection) -> str | None:
    """The migration that a database is at; None if it was never migrated."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - ours
    return None if found is None else str(found)


def reason(error: DBAPIError) -> str:
    """The first line of the database's own error message."""
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0].rstrip(".")


def _take_turn(connection: Connection) -> None:
    """Takes the lock: two processes may start at the same moment, and a migration that fails halfway is rolled back."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    else:
        # The driver by itself begins no transaction before a CREATE.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _has_tables(connection: Connection) -> bool:
    """Whether it has the tables from before migrations existed."""
    return sa.inspect(connection).has_table("codegen_bot_thread_runs")


def _make(connection: Connection) -> None:
    METADATA.create_all(connection)
    # As Alembic creates it.
    versions = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    versions.create(connection)
    connection.execute(versions.insert().values(version_num=NEWEST))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see the module docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.attributes["environment"] = {
        "connection": connection,
        "version_table": VERSION_TABLE,
        "transactional_ddl": True,
    }
    command.upgrade(config, NEWEST)
