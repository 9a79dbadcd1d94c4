"""The bot's own tables, beside those of DBOS in the same database."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from bot.errors import SettingsError

_METADATA = sa.MetaData()

# Nothing promises that Codegen's numbers stay within 32 bits.
THREAD_RUNS = sa.Table(
    "codegen_bot_thread_runs",
    _METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("codegen_bot_thread_runs_of_thread", "repository", "number", "used_at"),
)

STARS = sa.Table(
    "codegen_bot_stars",
    _METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

SPENDING = sa.Table(
    "codegen_bot_spending",
    _METADATA,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("runs", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("codegen_bot_spending_of_day", "repository", "at"),
)

CONFIRMATIONS = sa.Table(
    "codegen_bot_confirmations",
    _METADATA,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

MULTI_RUNS = sa.Table(
    "codegen_bot_multi_runs",
    _METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

_CREATION_LOCK = 0x636F646567656E
"""The number of PostgreSQL's lock under which tables are made; any will do that nobody else uses."""


def create_tables(engine: Engine) -> None:
    """Makes the tables that are missing. Blocking; called once, at start.

    :raises SettingsError: where the database cannot be used
    """
    try:
        with engine.begin() as connection:
            _create(connection)
    except DBAPIError as error:
        reason = (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
        raise SettingsError(f"DATABASE_URL names a database that cannot be used: {reason.rstrip('.')}.") from None


def _create(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Even "IF NOT EXISTS" fails where two processes start at the same moment.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATION_LOCK)))
    for table in _METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


async def check(engine: Engine) -> None:
    """Raises SQLAlchemy's error where the database does not answer."""
    await asyncio.to_thread(_check, engine)


def _check(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(1))


def insert(engine: Engine, table: sa.Table) -> Any:
    """An insert that knows what to do about a row that is there already; both databases call it the same."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
