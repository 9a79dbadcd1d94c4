from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot
from sqlalchemy.engine import Engine

from bot.errors import SettingsError
from bot.storage.database import is_shared, one_process, open_engine


def test_sqlite_serves_one_process(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    assert not is_shared(engine)
    with one_process(engine), pytest.raises(SettingsError) as caught, one_process(engine):
        pass
    assert str(caught.value) == snapshot(
        "Another codegen-bot works with the database bot.sqlite: one process at a time on SQLite. Several processes share a PostgreSQL database: DATABASE_URL=postgresql://..."
    )
    with one_process(engine):
        pass
    engine.dispose()


def test_postgresql_serves_several_processes(postgresql: Engine) -> None:
    assert is_shared(postgresql)
    with one_process(postgresql), one_process(postgresql):
        pass
