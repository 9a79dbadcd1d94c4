"""A database of any age is brought up at start, whole or not at all; one of a newer version is refused in one sentence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

import bot.store.migrations.versions
from bot.errors import SettingsError
from bot.store import migrating
from bot.store.migrating import NEWEST, VERSION_TABLE, migrate, version
from bot.store.tables import METADATA

pytest_plugins = ["tests.databases"]

FIRST = ("thread_runs", "stars", "spending", "confirmations", "multi_runs")
"""The tables that there were before migrations were kept."""


@pytest.fixture
def database(bare_database: Engine) -> Engine:
    return bare_database


def stands_at(database: Engine) -> str | None:
    with database.connect() as connection:
        return version(connection)


def differences(database: Engine) -> list[Any]:
    """What the tables lack, or have besides, against `bot.store.tables`."""

    def is_ours(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:  # noqa: FBT001
        return kind != "table" or str(name).startswith("codegen_bot_")

    with database.connect() as connection:
        options = {"include_object": is_ours, "version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, METADATA))


def test_a_new_database_stands_as_the_tables_tell(database: Engine) -> None:
    assert stands_at(database) is None
    migrate(database)
    assert stands_at(database) == NEWEST
    assert differences(database) == []
    migrate(database)
    assert stands_at(database) == NEWEST


def test_a_database_from_before_migrations_were_kept_is_brought_up_with_all_it_holds(database: Engine) -> None:
    tables = [METADATA.tables[f"codegen_bot_{name}"] for name in FIRST]
    METADATA.create_all(database, tables)
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO codegen_bot_stars VALUES (1, 7, 'bob', '2026-11-01 12:00:00')"))
    migrate(database)
    assert differences(database) == []
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT run_id FROM codegen_bot_stars")).scalars().all() == [7]


def test_all_steps_from_the_first_on_lead_to_the_same(database: Engine) -> None:
    """The oldest database there can be: the first table, and nothing besides."""
    METADATA.create_all(database, [METADATA.tables["codegen_bot_thread_runs"]])
    migrate(database)
    assert stands_at(database) == NEWEST
    assert differences(database) == []


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Engine) -> None:
    migrate(database)
    with database.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608 - ours
    with pytest.raises(SettingsError) as caught:
        migrate(database)
    assert str(caught.value).replace(NEWEST, "NEWEST") == snapshot(
        "DATABASE_URL names a database that a newer codegen-bot has brought up (to 9999; this one knows NEWEST): start that version again, or go back to a backup from before."
    )
    assert stands_at(database) == "9999"


def test_a_step_that_fails_half_way_has_not_happened(database: Engine) -> None:
    """A table of the second step is there already, and in the way."""
    with database.begin() as connection:
        METADATA.tables["codegen_bot_thread_runs"].create(connection)
        connection.execute(sa.text("CREATE TABLE codegen_bot_executors (something_else TEXT)"))
    with pytest.raises(SettingsError, match=r"cannot be used: .*already exists"):
        migrate(database)
    with database.begin() as connection:
        left = sorted(name for name in sa.inspect(connection).get_table_names() if name.startswith("codegen_bot"))
        connection.execute(sa.text("DROP TABLE codegen_bot_executors"))
    assert left == ["codegen_bot_executors", "codegen_bot_thread_runs"]
    migrate(database)
    assert differences(database) == []


async def test_several_processes_may_start_at_the_same_moment(database: Engine) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, database) for _ in range(4)))
    assert differences(database) == []


def test_the_newest_step_is_the_last_file() -> None:
    folder = Path(bot.store.migrations.versions.__file__).parent
    steps = sorted(path.stem for path in folder.glob("v*.py"))
    assert steps[-1].startswith(f"v{migrating.NEWEST}_")
    assert [step[1:5] for step in steps] == [f"{number:04}" for number in range(1, len(steps) + 1)]
