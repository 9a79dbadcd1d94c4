"""The bot's own tables, beside those of DBOS in the same database.

This is their current form; `bot.store.migrations` leads there. A change here needs a migration there, and a test
compares the two.
"""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

METADATA = sa.MetaData()

# Codegen's ids are not guaranteed to stay within 32 bits.
THREAD_RUNS = sa.Table(
    "codegen_bot_thread_runs",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("codegen_bot_thread_runs_of_thread", "repository", "number", "used_at"),
)

STARS = sa.Table(
    "codegen_bot_stars",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

QUOTA_USE = sa.Table(
    "codegen_bot_spending",
    METADATA,
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
    METADATA,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

MULTI_RUNS = sa.Table(
    "codegen_bot_multi_runs",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
)

JOBS = sa.Table(
    "codegen_bot_orders",
    METADATA,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=True),
    sa.Column("executor", sa.Text, nullable=False),
    sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("loop_holds", sa.Integer, nullable=False, server_default="0"),
    sa.Index("codegen_bot_orders_by_state", "state", "executor", "taken_at"),
)

EXECUTORS = sa.Table(
    "codegen_bot_executors",
    METADATA,
    sa.Column("executor", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("successor", sa.Text, nullable=True),
)

WATCHED_RUNS = sa.Table(
    "codegen_bot_watched_runs",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("executor", sa.Text, primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
)

SIGHTINGS = sa.Table(
    "codegen_bot_sightings",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)

COMPLETION_TIMES = sa.Table(
    "codegen_bot_run_ends",
    METADATA,
    sa.Column("org_id", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
)

LOOKED_FOR = sa.Table(
    "codegen_bot_looked_for",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)

REDELIVERIES = sa.Table(
    "codegen_bot_redeliveries",
    METADATA,
    sa.Column("guid", sa.Text, primary_key=True),
    sa.Column("delivery_id", sa.BigInteger, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
)

SEEN_REPOSITORIES = sa.Table(
    "codegen_bot_seen_repositories",
    METADATA,
    sa.Column("repository", sa.Text, primary_key=True),
    sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
)

CONFIG_FILES = sa.Table(
    "codegen_bot_config_files",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=True),
    sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
)

DEFERRED_EVENTS = sa.Table(
    "codegen_bot_deferred_events",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=False),
)

ANSWERS = sa.Table(
    "codegen_bot_answers",
    METADATA,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("repository", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("voice", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("codegen_bot_answers_of_person", "login", "at"),
    sa.Index("codegen_bot_answers_of_repository", "repository", "at"),
)


async def check(engine: Engine) -> None:
    """:raises SQLAlchemyError: if the database does not respond"""
    await asyncio.to_thread(_check, engine)


def _check(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(1))


def insert(engine: Engine, table: sa.Table) -> Any:
    """An insert that supports ON CONFLICT; both dialects name it the same."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
