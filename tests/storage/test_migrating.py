"""A database of any age is migrated at start, whole or not at all; a newer version's is refused in one sentence."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Engine

import bot.storage.migrations
from bot.errors import SettingsError
from bot.storage.inspection import inspect
from bot.storage.migrating import CURRENT, VERSION_TABLE, Schema, migrate, version
from bot.storage.tables import AGENT_USERS, METADATA, RUN_COMPLETION_TIMES, RUN_MARKS
from tests.harness.log_lines import lines, logged

SCRIPTS = Path(bot.storage.migrations.__file__).parent

NEXT = f"{int(CURRENT.version) + 1:04}"
"""The version after this one."""

MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{CURRENT.version}"


def upgrade() -> None:
    op.add_column("codegen_bot_stars", sa.Column("note", sa.Text, nullable=True))
    op.create_table("codegen_bot_notes", sa.Column("identity", sa.Text, primary_key=True))
"""


@pytest.fixture
def database(bare_database: Engine) -> Engine:
    return bare_database


@pytest.fixture
def next_schema(tmp_path: Path) -> Schema:
    """A version of the bot after this one, with a column and a table more."""
    shutil.copytree(SCRIPTS, tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / f"v{NEXT}_notes.py").write_text(MIGRATION)
    tables = sa.MetaData()
    for table in METADATA.tables.values():
        table.to_metadata(tables)
    tables.tables["codegen_bot_stars"].append_column(sa.Column("note", sa.Text, nullable=True))
    sa.Table("codegen_bot_notes", tables, sa.Column("identity", sa.Text, primary_key=True))
    return Schema(NEXT, tables, str(tmp_path / "migrations"))


@pytest.fixture
def first_schema() -> Schema:
    """The first release, which had no agents of one's own, and knew less of runs."""
    tables = sa.MetaData()
    for name, table in METADATA.tables.items():
        if name == RUN_COMPLETION_TIMES.name:
            columns = [
                sa.Column(each.name, each.type, primary_key=each.primary_key, nullable=each.nullable)
                for each in table.columns
                if each.name not in {"worked_seconds", "resumed_at"}
            ]
            sa.Table(name, tables, *columns)
        elif not name.startswith("codegen_bot_agent_") and name != RUN_MARKS.name:
            table.to_metadata(tables)
    return Schema("0001", tables)


def version_of(database: Engine) -> str | None:
    with database.connect() as connection:
        return version(connection)


def differences(database: Engine, schema: Schema = CURRENT) -> list[Any]:
    """What the tables lack, or have besides."""

    def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001
        return kind != "table" or str(name).startswith("codegen_bot_")

    with database.connect() as connection:
        options = {"include_object": is_ours, "version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, schema.tables))


def execute(database: Engine, statement: str) -> list[Any]:
    with database.begin() as connection:
        result = connection.execute(sa.text(statement))
        return [*result.scalars()] if result.returns_rows else []


def add_star(database: Engine) -> None:
    execute(
        database,
        "INSERT INTO codegen_bot_stars (org_id, run_id, login, starred_at) VALUES (1, 7, 'bob', '2026-11-01 12:00:00')",
    )


def test_new_database_gets_the_current_tables(database: Engine) -> None:
    assert version_of(database) is None
    for _ in range(2):
        migrate(database)
        assert version_of(database) == CURRENT.version
        assert differences(database) == []


def test_older_database_is_migrated_with_its_content(database: Engine, next_schema: Schema) -> None:
    migrate(database)
    add_star(database)
    with logged() as log:
        for _ in range(2):
            migrate(database, next_schema)
    assert version_of(database) == NEXT
    assert differences(database, next_schema) == []
    assert execute(database, "SELECT run_id FROM codegen_bot_stars WHERE note IS NULL") == [7]
    migrated = [(line["was"], line["now"]) for line in lines(log) if line["event"] == "database.migrated"]
    assert migrated == [(CURRENT.version, NEXT)]


def test_database_of_the_first_release_is_migrated(database: Engine, first_schema: Schema) -> None:
    migrate(database, first_schema)
    add_star(database)
    migrate(database)
    assert version_of(database) == CURRENT.version
    assert differences(database) == []
    assert execute(database, "SELECT run_id FROM codegen_bot_stars") == [7]


@pytest.mark.parametrize("is_migrated", [False, True])
def test_numbers_of_deleted_runs_are_not_given_again(
    database: Engine, first_schema: Schema, *, is_migrated: bool
) -> None:
    if is_migrated:
        migrate(database, first_schema)
    migrate(database)
    user = AGENT_USERS.insert().values(created_at=datetime.now(UTC)).returning(AGENT_USERS.c.id)
    with database.begin() as connection:
        first = connection.execute(user, {"login": "alice"}).scalar_one()
        connection.execute(AGENT_USERS.delete())
        second = connection.execute(user, {"login": "alice"}).scalar_one()
    assert (first, second) == (1, 2)


def test_new_database_of_a_later_version_gets_the_same_tables(database: Engine, next_schema: Schema) -> None:
    migrate(database, next_schema)
    assert version_of(database) == NEXT
    assert differences(database, next_schema) == []


def test_newer_database_is_refused_and_unchanged(database: Engine, next_schema: Schema) -> None:
    migrate(database, next_schema)
    with pytest.raises(SettingsError) as caught:
        migrate(database)
    assert str(caught.value) == (
        f"DATABASE_URL names a database that a newer codegen-bot has migrated (to {NEXT}; this one knows "
        f"{CURRENT.version}): start that version again, or restore an older backup."
    )
    assert differences(database, next_schema) == []


def test_migration_that_fails_halfway_changes_nothing(database: Engine, next_schema: Schema) -> None:
    """Its second table exists already."""
    migrate(database)
    add_star(database)
    execute(database, "CREATE TABLE codegen_bot_notes (something_else TEXT)")
    with pytest.raises(SettingsError, match=r"cannot be used: .*already exists"):
        migrate(database, next_schema)
    assert version_of(database) == CURRENT.version
    execute(database, "DROP TABLE codegen_bot_notes")
    assert differences(database) == []
    migrate(database, next_schema)
    assert differences(database, next_schema) == []
    assert execute(database, "SELECT run_id FROM codegen_bot_stars") == [7]


def test_creation_that_fails_halfway_changes_nothing(database: Engine) -> None:
    """A table that is not the bot's has one of its names."""
    execute(database, f"CREATE VIEW {VERSION_TABLE} AS SELECT 1 AS something_else")
    with pytest.raises(SettingsError, match="cannot be used: "):
        migrate(database)
    with database.connect() as connection:
        assert [name for name in sa.inspect(connection).get_table_names() if name.startswith("codegen_bot")] == []


@pytest.mark.parametrize("by_next", [False, True])
async def test_several_processes_may_start_at_the_same_moment(
    database: Engine, next_schema: Schema, *, by_next: bool
) -> None:
    if by_next:
        migrate(database)
    schema = next_schema if by_next else CURRENT
    await asyncio.gather(*(asyncio.to_thread(migrate, database, schema) for _ in range(4)))
    assert differences(database, schema) == []


def test_inspection_recognizes_an_older_database(database: Engine, bare_database_url: str, next_schema: Schema) -> None:
    migrate(database, next_schema)
    assert inspect(bare_database_url).is_newer
    execute(database, f"UPDATE {VERSION_TABLE} SET version_num = '0000'")  # noqa: S608 - ours
    assert inspect(bare_database_url).is_older
    assert version_of(database) == "0000"


def test_current_version_is_the_last_migration() -> None:
    migrations = sorted(path.stem for path in (SCRIPTS / "versions").glob("v*.py"))
    assert migrations[-1].startswith(f"v{CURRENT.version}_")
    assert [each[1:5] for each in migrations] == [f"{number:04}" for number in range(1, len(migrations) + 1)]
