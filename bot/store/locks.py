"""Keeps a SQLite database to one process: the first one locks a file beside it, a second one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy.engine import Engine

from bot.errors import SettingsError


def is_shared(engine: Engine) -> bool:
    """Whether several processes may work on the database."""
    return engine.dialect.name == "postgresql"


@contextmanager
def one_process(engine: Engine) -> Iterator[None]:
    """Holds the database for this process where it serves no other.

    :raises SettingsError: where another process works with the same SQLite file
    """
    if is_shared(engine):
        yield
        return
    assert engine.url.database is not None  # noqa: S101 - open_engine() refuses memory
    file = _lock(Path(f"{engine.url.database}-lock"))
    try:
        yield
    finally:
        if file is not None:
            file.close()


def _lock(path: Path) -> IO[bytes] | None:
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows, where nothing keeps a second process away
    except ImportError:
        return None
    try:
        file = path.open("ab")
    except OSError as error:
        raise SettingsError(f"The file {path} beside the database cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise SettingsError(
            f"Another codegen-bot works with the database {path.name.removesuffix('-lock')}: one process at a time on "
            "SQLite. Several processes share a PostgreSQL database: DATABASE_URL=postgresql://..."
        ) from None
    return file
