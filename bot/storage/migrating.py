"""Migrates a database to the tables of this version of the bot.

A new database is created in its final form. Alembic, which migrates older ones, is imported only then: it costs 8 MB
for as long as the process lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot import log
from bot.errors import SettingsError
from bot.storage.database import open_engine
from bot.storage.queries import reason
from bot.storage.tables import METADATA

_log = log.get(__name__)

VERSION_TABLE = "codegen_bot_schema"

_LOCK = 0x636F646567656E
"""The number of PostgreSQL's advisory lock for migrating; arbitrary, but used by nothing else."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A version of the tables.

    :param version: the number of the last migration
    :param tables: as that migration leaves them
    :param scripts: the folder of Alembic's environment and of the migrations
    """

    version: str
    tables: sa.MetaData
    scripts: str = "bot.storage:migrations"


CURRENT = Schema("0005", METADATA)


@asynccontextmanager
async def migrated_database(database_url: str) -> AsyncIterator[Engine]:
    """Opens a database, and closes its connections at the end.

    :raises SettingsError: as `open_engine` and `migrate` do
    """
    database = open_engine(database_url)
    try:
        await asyncio.to_thread(migrate, database)
        yield database
    finally:
        await asyncio.to_thread(database.dispose)


def migrate(engine: Engine, schema: Schema = CURRENT) -> None:
    """Creates the tables or migrates them. Blocking; called once, at start.

    :raises SettingsError: if the database cannot be used, or belongs to a newer version of the bot
    """
    try:
        with engine.begin() as connection:
            _lock(connection)
            found = version(connection)
            if found is None:
                _create(connection, schema)
            elif found > schema.version:
                raise SettingsError(
                    f"DATABASE_URL names a database that a newer codegen-bot has migrated (to {found}; this one "
                    f"knows {schema.version}): start that version again, or restore an older backup."
                )
            elif found < schema.version:
                _upgrade(connection, schema)
                _log.info("database.migrated", was=found, now=schema.version)
    except DBAPIError as error:
        raise SettingsError(f"DATABASE_URL names a database that cannot be used: {reason(error)}.") from None


def version(connection: Connection) -> str | None:
    """The migration that a database is at; None if it is new."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return str(connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one())  # noqa: S608 - ours


def _lock(connection: Connection) -> None:
    """Two processes may start at the same moment, and a migration that fails halfway is rolled back."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    else:
        # The driver by itself begins no transaction before a CREATE.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create(connection: Connection, schema: Schema) -> None:
    """https://alembic.sqlalchemy.org/en/latest/cookbook.html#building-an-up-to-date-database-from-scratch"""
    schema.tables.create_all(connection)
    # As Alembic creates it.
    versions = sa.Table(VERSION_TABLE, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
    versions.create(connection)
    connection.execute(versions.insert().values(version_num=schema.version))


def _upgrade(connection: Connection, schema: Schema) -> None:
    """https://alembic.sqlalchemy.org/en/latest/cookbook.html#sharing-a-connection-across-one-or-more-programmatic-migration-commands"""
    from alembic import command  # noqa: PLC0415 - see the module docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", schema.scripts)
    options = {"connection": connection, "version_table": VERSION_TABLE, "transactional_ddl": True}
    config.attributes["environment"] = options
    command.upgrade(config, schema.version)
