"""Who holds a lock holds it as long as they live, and others see it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from bot.errors import SettingsError
from bot.store.database import open_engine
from bot.store.locks import Locks, open_locks

pytest_plugins = ["tests.databases"]


@pytest.fixture
def database(postgresql: Engine) -> Engine:
    return postgresql


def break_connections(database: Engine) -> None:
    """What a restart of PostgreSQL does to everybody."""
    with database.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
        connection.commit()


async def both(database: Engine) -> tuple[Locks, Locks]:
    return open_locks(database), open_locks(database)


async def test_one_of_two_processes_gets_a_lock_and_both_see_who_has_one(database: Engine) -> None:
    first, second = await both(database)
    assert await first.try_hold("watcher")
    assert await first.try_hold("watcher")
    assert not await second.try_hold("watcher")
    assert await second.try_hold("other")
    names = ["watcher", "other", "nobody's"]
    assert await first.held(names) == await second.held(names) == {"watcher", "other"}
    await first.aclose()
    await second.aclose()


async def test_a_lock_is_free_when_its_holder_has_gone_or_lets_go(database: Engine) -> None:
    first, second = await both(database)
    assert await first.try_hold("a")
    assert await first.try_hold("b")
    await first.release("a")
    assert await second.held(["a", "b"]) == {"b"}
    await first.aclose()
    assert await second.held(["a", "b"]) == set()
    assert await second.try_hold("b")
    await second.aclose()


async def test_whose_connection_breaks_holds_nothing_and_finds_it_out(database: Engine) -> None:
    first, second = await both(database)
    assert await first.try_hold("a")
    break_connections(database)
    with pytest.raises(DBAPIError):
        await first.try_hold("a")
    assert await second.try_hold("a")
    assert not await first.try_hold("a")
    await first.aclose()
    await second.aclose()


async def test_on_sqlite_there_is_one_process(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    first = open_locks(engine)
    with pytest.raises(SettingsError) as caught:
        open_locks(engine)
    assert str(caught.value) == snapshot(
        "Another codegen-bot works with the database bot.sqlite: one process at a time on SQLite. Several processes share a PostgreSQL database: DATABASE_URL=postgresql://..."
    )
    assert await first.try_hold("a")
    assert await first.held(["a", "b"]) == {"a"}
    await first.release("a")
    assert await first.held(["a"]) == set()
    await first.aclose()
    await open_locks(engine).aclose()
    engine.dispose()
