"""Databases that work, and how those that do not are told of."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from inline_snapshot import snapshot

from bot.errors import SettingsError
from bot.storage.database import BUSY_TIMEOUT_MS, database_name, open_engine
from bot.storage.migrating import migrate

NOBODY_LISTENS = "postgresql://bot:hunter2@127.0.0.1:1/bot"


def refusal(url: str) -> str:
    """What the bot says at its start."""

    def start() -> None:
        engine = open_engine(url)
        try:
            migrate(engine)
        finally:
            engine.dispose()

    with pytest.raises(SettingsError) as caught:
        start()
    return str(caught.value)


def test_sqlite_survives_power_cuts_and_waits_for_locks(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        settings = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    engine.dispose()
    assert settings == ["wal", 2, BUSY_TIMEOUT_MS, 1]


def test_sqlite_keeps_fractions_of_a_second(tmp_path: Path) -> None:
    """Also where a column's default asks for them, as DBOS' do from Python 3.12 on."""
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE times (id INTEGER, at INTEGER NOT NULL DEFAULT (unixepoch('subsec') * 1000))")
        )
        connection.execute(sa.text("INSERT INTO times (id) VALUES (1)"))
        told = connection.execute(sa.text("SELECT at FROM times")).scalar_one()
    engine.dispose()
    assert abs(told / 1000 - time.time()) < 60


def test_writer_takes_the_write_lock_with_its_first_statement(tmp_path: Path) -> None:
    """A lock that is asked for later fails at once instead of waiting."""
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    migrate(engine)
    statements: list[str] = []
    with engine.connect() as connection:
        assert connection.connection.driver_connection is not None
        connection.connection.driver_connection.set_trace_callback(statements.append)
        connection.execute(sa.text("DELETE FROM codegen_bot_thread_runs"))
    engine.dispose()
    assert statements[0].startswith("BEGIN IMMEDIATE")


def test_postgresql_url_is_taken_as_people_write_it(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    assert engine.driver == "psycopg"
    with engine.connect() as connection:
        assert str(connection.execute(sa.text("SELECT version()")).scalar()).startswith("PostgreSQL ")
    engine.dispose()


def test_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "bot.sqlite"
    assert refusal(f"sqlite:///{path}").replace(str(path), "PATH") == snapshot(
        "DATABASE_URL names the file PATH, which cannot be written: No such file or directory."
    )


def test_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy milk. " * 100)
    assert refusal(f"sqlite:///{path}") == snapshot(
        "DATABASE_URL names a database that cannot be used: file is not a database."
    )
    assert path.read_text() == "Buy milk. " * 100


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
def test_memory_is_refused(url: str) -> None:
    assert refusal(url) == snapshot(
        "DATABASE_URL names no file; a database in memory would lose commands in progress. Use sqlite:///FILE."
    )


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////srv/bot.sqlite", "/srv/bot.sqlite"),
        ("sqlite:///bot.sqlite", str(Path("bot.sqlite").absolute())),
        ("postgresql://bot:hunter2@db.example/bot?sslmode=require", "bot on db.example"),
        ("postgresql://bot@/bot?host=/run/postgresql&password=hunter2", "bot on /run/postgresql"),
        ("postgresql:///bot", "bot on this machine"),
    ],
)
def test_database_name_is_without_password(url: str, name: str) -> None:
    assert database_name(url) == name


def test_unreachable_database_is_reported_without_password() -> None:
    assert refusal(NOBODY_LISTENS) == snapshot(
        'DATABASE_URL names a database that cannot be used: connection failed: connection to server at "127.0.0.1", port 1 failed: Connection refused.'
    )


def test_invalid_url_is_reported_without_password() -> None:
    assert refusal("postgresql://bot:hunter2@localhost:here/bot") == snapshot(
        "DATABASE_URL cannot be read: it is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
    )
