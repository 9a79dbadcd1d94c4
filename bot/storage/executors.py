"""The processes that work on one database: which of them are alive, by the database's clock. All calls block.

An executor is one start of one process; its id is never reused. On PostgreSQL each renews its heartbeat, and one whose
heartbeat is older than the lease may be replaced by another, its successor. SQLite serves one process at a time
(`bot.storage.database.one_process`), so there every other executor is dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from bot.storage.database import check_file, is_shared
from bot.storage.queries import Store
from bot.storage.tables import EXECUTORS
from bot.storage.watched_runs import unwatch_the_dead

STOPPED = datetime(1970, 1, 1, tzinfo=UTC)
"""The heartbeat of an executor that was stopped cleanly: its work may be recovered at once."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The result of a heartbeat.

    :param is_alive: False once another executor has replaced this one and recovers its work
    :param leads: whether this one does what only one executor may do; it has been alive longest
    :param dead: executors whose work has to be recovered, oldest first
    """

    is_alive: bool
    leads: bool
    dead: tuple[str, ...]


class Executors(Store):
    """The table of executors.

    :param lease: seconds for which a heartbeat is valid
    """

    def __init__(self, engine: Engine, *, lease: float) -> None:
        super().__init__(engine)
        self._lease = timedelta(seconds=lease)
        self._is_shared = is_shared(engine)

    def register(self, executor: str, *, version: str) -> None:
        """Adds an executor that is alive from now on.

        :param version: of the workflows that it runs
        """
        now = {"started_at": sa.func.now(), "heartbeat_at": sa.func.now()}
        self._execute(EXECUTORS.insert().values(executor=executor, version=version, **now))

    def beat(self, executor: str) -> Pulse:
        """Renews the heartbeat, unless the executor was replaced, and reads all others', in one transaction."""
        if not self._is_shared:
            others = sa.select(EXECUTORS.c.executor).where(EXECUTORS.c.executor != executor)
            rows = self._execute(others.order_by(EXECUTORS.c.started_at))
            return Pulse(is_alive=True, leads=True, dead=tuple(row.executor for row in rows))
        with self._engine.begin() as connection:
            renewal = EXECUTORS.update().where(*_active(executor)).values(heartbeat_at=sa.func.now())
            return self._pulse(connection, executor, is_alive=bool(connection.execute(renewal).rowcount))

    def _pulse(self, connection: Connection, executor: str, *, is_alive: bool) -> Pulse:
        columns = EXECUTORS.c
        is_fresh = columns.heartbeat_at >= sa.func.now() - self._lease
        query = sa.select(columns.executor, columns.successor, is_fresh.label("is_fresh"))
        rows = connection.execute(query.order_by(columns.started_at, columns.executor)).all()
        living = [row.executor for row in rows if row.is_fresh and row.successor is None]
        dead = [row.executor for row in rows if row.executor not in living and row.successor not in living]
        # A recovery that this one has begun still has to be finished.
        dead += [row.executor for row in rows if row.successor == executor]
        return Pulse(is_alive=is_alive, leads=living[:1] == [executor], dead=tuple(dead) if is_alive else ())

    def replace(self, dead: str, *, successor: str) -> bool:
        """Makes one executor, and no other, recover a dead one's work.

        :returns: False if the dead one is alive after all, or another live executor recovers it
        """
        columns, other = EXECUTORS.c, EXECUTORS.alias()
        wanted = [columns.executor == dead, columns.executor != successor]
        if self._is_shared:
            limit = sa.func.now() - self._lease
            living = sa.select(other.c.executor).where(other.c.successor.is_(None), other.c.heartbeat_at >= limit)
            is_free = sa.or_(
                columns.successor.is_(None), columns.successor == successor, ~columns.successor.in_(living)
            )
            wanted += [columns.heartbeat_at < limit, is_free]
        update = EXECUTORS.update().where(*wanted).values(successor=successor)
        return bool(self._execute(update.returning(columns.executor)))

    def remove(self, dead: str, *, successor: str) -> None:
        """Deletes an executor whose work its successor has recovered, with all that it waits for."""
        removal = EXECUTORS.delete().where(EXECUTORS.c.executor == dead, EXECUTORS.c.successor == successor)
        self._execute(removal, unwatch_the_dead())

    def stop(self, executor: str) -> None:
        """Ends an executor cleanly: whatever it leaves may be recovered at once."""
        self._execute(EXECUTORS.update().where(*_active(executor)).values(heartbeat_at=STOPPED))

    def touch(self, executor: str) -> None:
        """Writes without changing anything, to find out whether the database is writable.

        :raises StoreError: if writes would be lost
        """
        check_file(self._engine)
        self._execute(EXECUTORS.update().where(EXECUTORS.c.executor == executor).values(executor=executor))

    def versions(self) -> dict[str, str]:
        """The version of each executor that is alive or not yet recovered, by its id."""
        rows = self._execute(sa.select(EXECUTORS.c.executor, EXECUTORS.c.version))
        return {row.executor: row.version for row in rows}


def _active(executor: str) -> tuple[sa.ColumnElement[bool], ...]:
    return EXECUTORS.c.executor == executor, EXECUTORS.c.successor.is_(None)
