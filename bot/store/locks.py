"""Named locks that a process holds as long as it lives: which process is which, and who does what only one may do.

On PostgreSQL they are session-level advisory locks on a connection of their own, so that the server itself sees a
process go, at once and without any clock. Such a connection cannot go through a pooler in transaction mode.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

On SQLite there is one process: the first one locks a file beside the database, a second one is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot import log
from bot.errors import SettingsError

T = TypeVar("T")

_log = log.get(__name__)

_OURS = 0x636F6465
"""The first of the two numbers that name each of our locks on PostgreSQL; any will do that nobody else uses."""


class Locks(Protocol):
    """The locks of one database, as one process sees them."""

    async def try_hold(self, name: str) -> bool:
        """Takes a lock, or keeps it: True where it is ours now. It stays ours until `release`, or until the connection
        to the database breaks, which the next call finds out.

        :raises sqlalchemy.exc.DBAPIError: where the database does not answer
        """

    async def release(self, name: str) -> None: ...

    async def held(self, names: list[str]) -> set[str]:
        """Which of them somebody holds, this process or another.

        :raises sqlalchemy.exc.DBAPIError: where the database does not answer
        """

    async def aclose(self) -> None:
        """Gives all of them back."""


def open_locks(engine: Engine) -> Locks:
    """:raises SettingsError: where another process works with the same SQLite file"""
    if engine.dialect.name == "postgresql":
        return SessionLocks(engine)
    assert engine.url.database is not None  # noqa: S101 - open_engine() refuses memory
    return FileLocks(Path(f"{engine.url.database}-lock"))


class FileLocks:
    """For the only process.

    :param path: of a file that is made where it is missing, and stays
    :raises SettingsError: where another process holds it
    """

    def __init__(self, path: Path) -> None:
        self._held: set[str] = set()
        self._file: IO[bytes] | None = _lock(path)

    async def try_hold(self, name: str) -> bool:
        self._held.add(name)
        return True

    async def release(self, name: str) -> None:
        self._held.discard(name)

    async def held(self, names: list[str]) -> set[str]:
        return self._held.intersection(names)

    async def aclose(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


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


class SessionLocks:
    """For several processes on PostgreSQL. A thread of its own speaks to the database, one call after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._held: set[str] = set()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="locks")

    async def try_hold(self, name: str) -> bool:
        return await self._aside(lambda: self._try_hold(name))

    def _try_hold(self, name: str) -> bool:
        connection = self._open()
        if name in self._held:
            # Only an answer tells that the connection, and with it the lock, is still there.
            connection.execute(sa.select(1))
            return True
        if connection.execute(sa.select(sa.func.pg_try_advisory_lock(_OURS, _key(name)))).scalar_one():
            self._held.add(name)
            return True
        return False

    async def release(self, name: str) -> None:
        await self._aside(lambda: self._release(name))

    def _release(self, name: str) -> None:
        if name in self._held:
            self._held.discard(name)
            self._open().execute(sa.select(sa.func.pg_advisory_unlock(_OURS, _key(name))))

    async def held(self, names: list[str]) -> set[str]:
        return await self._aside(lambda: self._find_held(names))

    def _find_held(self, names: list[str]) -> set[str]:
        query = sa.text(
            "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = :ours AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        keys = set(self._open().execute(query, {"ours": _OURS}).scalars())
        return {name for name in names if _key(name) % 2**32 in keys}

    async def aclose(self) -> None:
        await self._aside(self._close)
        self._thread.shutdown()

    async def _aside(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except DBAPIError:
                # Whatever it was: what we hold is known again only by a connection that is.
                self._close()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            # It never comes back into the pool, where its locks would outlive their holder.
            self._connection.detach()
        return self._connection

    def _close(self) -> None:
        if self._held:
            _log.info("locks.given-back", names=sorted(self._held))
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _key(name: str) -> int:
    """The second number that names a lock: PostgreSQL's are signed."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True)
